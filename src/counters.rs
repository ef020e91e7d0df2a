//! The kernel's counters of a protocol: `/proc/net/snmp` and `/proc/net/netstat` (proc(5)).

/// A counter of a group, such as `Tcp`. The names of a group stand in one line, and their values in
/// the next. `None` where the kernel does not have it.
pub(crate) fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let is_of_group = |line: &&str| {
        let rest = line.strip_prefix(group);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let mut lines = text.lines().filter(is_of_group);
    let (mut names, mut values) = (lines.next()?.split(' '), lines.next()?.split(' '));
    let column = names.position(|other| other == name)?;
    values.nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::counter;

    #[test]
    fn a_counter_stands_below_its_name_in_the_lines_of_its_group() {
        let text = "Ip: A ActiveOpens\nIp: 1 2\nTcpExt: A ListenDrops\nTcpExt: 6 700\n\
                    Tcp: A ActiveOpens PassiveOpens\nTcp: 3 40 500\n";
        assert_eq!(counter(text, "Tcp", "ActiveOpens"), Some(40));
        assert_eq!(counter(text, "Tcp", "PassiveOpens"), Some(500));
        assert_eq!(counter(text, "TcpExt", "ListenDrops"), Some(700));
        assert_eq!(counter(text, "Tcp", "ListenDrops"), None);
        assert_eq!(counter(text, "Udp", "A"), None);
    }
}
