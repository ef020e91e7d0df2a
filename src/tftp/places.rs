//! The places of a server: as many transfers at once, and no more than some of them for one client.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// As many transfers at once.
const MOST: usize = 100;

/// As many of them for one address: one client cannot keep the others out.
const MOST_FOR_ONE: usize = 10;

/// Whose places are taken: the address of each transfer's client.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Vec<IpAddr>>);

/// A place. Dropping it makes it free.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    client: IpAddr,
}

impl Places {
    /// A place for a client, if there is one. Those on loopback all have one address, and share all
    /// places.
    pub(super) fn take(&self, client: IpAddr) -> Option<Place<'_>> {
        let most = match client.is_loopback() {
            true => MOST,
            false => MOST_FOR_ONE,
        };
        let client = host(client);
        let mut taken = self.taken();
        let its = taken.iter().filter(|other| **other == client).count();
        if taken.len() == MOST || its >= most {
            return None;
        }
        taken.push(client);
        Some(Place {
            places: self,
            client,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(at) = taken.iter().position(|client| *client == self.client) {
            taken.swap_remove(at);
        }
    }
}

/// The address, or the first 64 bits of an IPv6 address: a host may choose the others (RFC 8981).
/// Those bits of a link-local address are the same for all hosts.
fn host(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V6(ip) if !ip.is_unicast_link_local() => {
            Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into()
        }
        _ => client,
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_FOR_ONE, Places};

    #[test]
    fn one_host_gets_some_places_and_the_others_go_to_others() {
        for (greedy, same, other) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"),
            ("fe80::1", "fe80::1", "fe80::2"),
        ] {
            let places = Places::default();
            let take = |ip: &str| places.take(ip.parse().unwrap());
            let mut taken: Vec<_> = (0..MOST_FOR_ONE).map(|_| take(greedy)).collect();
            assert!(taken.iter().all(Option::is_some));
            assert!(take(greedy).is_none() && take(same).is_none());
            assert!(take(other).is_some());
            taken.pop();
            assert!(take(same).is_some());
        }
    }

    #[test]
    fn clients_on_loopback_share_all_places() {
        for ip in ["127.0.0.1", "::1"] {
            let places = Places::default();
            let ip = ip.parse().unwrap();
            let mut taken: Vec<_> = (0..MOST).map(|_| places.take(ip)).collect();
            assert!(taken.iter().all(Option::is_some));
            assert!(places.take(ip).is_none());
            assert!(places.take("192.0.2.1".parse().unwrap()).is_none());
            taken.pop();
            assert!(places.take(ip).is_some());
        }
    }
}
