//! Settings of the kernel with which the table differs from what some lessons tell.
//!
//! A lesson states what Linux does with its default settings (tcp(7), ip-sysctl.rst). An
//! administrator may have changed one. The kernel then refutes a stage, and the reader needs to
//! know why: a failed lesson names each setting of this list that has an unusual value.

use std::fs;

/// A setting, and which of its values are unusual.
struct Setting {
    /// As sysctl(8) writes it.
    name: &'static str,
    is_unusual: fn(&[u64]) -> bool,
    /// What the kernel does then.
    effect: &'static str,
}

/// What `TcpListener::bind` asks for.
const BACKLOG: u64 = 128;

/// The kernel's default of a send buffer, in bytes: the second value of tcp_wmem (tcp(7)).
const SEND_BUFFER: u64 = 16 << 10;

const SETTINGS: [Setting; 8] = [
    Setting {
        name: "net.core.somaxconn",
        is_unusual: |values| values[0] < BACKLOG,
        effect: "every accept queue is shorter than the 128 that std asks for",
    },
    Setting {
        name: "net.ipv4.tcp_max_tw_buckets",
        is_unusual: |values| values[0] < 1000,
        effect: "few connections, or none, stay in TIME_WAIT",
    },
    Setting {
        name: "net.ipv4.tcp_syncookies",
        is_unusual: |values| values[0] == 2,
        effect: "no row is in SYN_RECV: each SYN is answered with a cookie and forgotten",
    },
    Setting {
        name: "net.ipv4.tcp_abort_on_overflow",
        is_unusual: |values| values[0] != 0,
        effect: "with a full accept queue, the last ACK of a handshake is answered with a RST",
    },
    Setting {
        name: "net.ipv4.tcp_wmem",
        is_unusual: |values| values[1..].iter().any(|bytes| *bytes < SEND_BUFFER),
        effect: "send buffers are small",
    },
    Setting {
        name: "net.ipv4.tcp_timestamps",
        is_unusual: |values| values[0] == 0,
        effect: "segments have no timestamps",
    },
    Setting {
        name: "net.ipv4.ip_default_ttl",
        is_unusual: |values| values[0] == 255,
        effect: "segments pass where a lesson means to lose them by their TTL",
    },
    Setting {
        name: "net.ipv4.tcp_migrate_req",
        is_unusual: |values| values[0] != 0,
        effect: "clients in the queue of a closed listener go to another one of its port",
    },
];

/// The settings that are unusual here, each with its value and what that changes. `None` if there
/// are none, or none can be read.
#[must_use]
pub fn unusual() -> Option<String> {
    let values = |name: &str| {
        let file = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::read_to_string(file).ok()
    };
    unusual_among(values)
}

fn unusual_among(values: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut found = Vec::new();
    for setting in &SETTINGS {
        let Some(text) = values(setting.name) else {
            continue;
        };
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        let is_unusual =
            numbers.is_ok_and(|numbers| !numbers.is_empty() && (setting.is_unusual)(&numbers));
        if is_unusual {
            let value = text.split_whitespace().collect::<Vec<_>>().join(" ");
            found.push(format!("{} is {value} ({})", setting.name, setting.effect));
        }
    }
    let unusual = format!("unusual settings of this kernel: {}", found.join("; "));
    (!found.is_empty()).then_some(unusual)
}

#[cfg(test)]
mod tests {
    use super::unusual_among;

    #[test]
    fn a_setting_is_named_with_its_value_only_if_it_is_unusual() {
        let values = |name: &str| match name {
            "net.core.somaxconn" => Some("16\n".to_owned()),
            "net.ipv4.tcp_wmem" => Some("4096\t4096\t4096\n".to_owned()),
            "net.ipv4.tcp_syncookies" => Some("1\n".to_owned()),
            _ => None,
        };
        let said = unusual_among(values).unwrap();
        assert!(said.contains("net.core.somaxconn is 16 ("), "{said}");
        assert!(
            said.contains("; net.ipv4.tcp_wmem is 4096 4096 4096 ("),
            "{said}"
        );
        assert!(!said.contains("syncookies"), "{said}");
    }

    #[test]
    fn values_that_are_not_numbers_and_none_at_all_are_not_unusual() {
        assert_eq!(unusual_among(|_| Some("off\n".to_owned())), None);
        assert_eq!(unusual_among(|_| Some(String::new())), None);
        assert_eq!(unusual_among(|_| None), None);
    }
}
