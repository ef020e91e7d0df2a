//! From header to header: each says what follows it.

use std::net::IpAddr;

use etherparse::{EtherType, IpNumber};

use super::{Fault, Layer, LinkType, application, icmp, ip, layer::count, link, transport};
use crate::segment::Segment;

/// What follows a header, by its own account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// What this type says.
    EtherType(EtherType),
    /// An IP header, which says its version itself.
    Ip,
    /// What this number says, in a packet of IP.
    InIp(IpNumber, Packet),
    /// A message between these ports, which ends here.
    Message([u16; 2], usize),
    /// Bytes that are not looked into, of this layer.
    Data(u8),
    /// A piece of a packet that was cut on its way, and what it holds ends here.
    Fragment(Packet),
    /// Nothing.
    End,
}

/// What the layers above need to know of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// Where it ends in the frame, as far as it was captured.
    pub(super) end: usize,
    /// How many of its bytes were not captured.
    pub(super) missing: usize,
}

/// What is left of a frame.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    /// The frame, to where the headers so far say it ends.
    pub(super) bytes: &'a [u8],
    /// Where the next header begins.
    pub(super) at: usize,
    /// How many bytes of the frame were not captured.
    pub(super) missing: usize,
}

impl<'a> Rest<'a> {
    pub(super) fn left(self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// For a header that etherparse refuses though all its places are there.
    pub(super) fn short(self, header: &str) -> Fault {
        let left = count(self.left().len());
        Fault::new(header, self.at, format!("{left} are not enough for it"))
    }

    /// Where a part that begins here and has this many bytes ends; and how many of them were not
    /// captured.
    pub(super) fn end(
        self,
        length: usize,
        field: &str,
        offset: usize,
    ) -> Result<(usize, usize), Fault> {
        let left = self.left().len();
        match length.checked_sub(left) {
            None | Some(0) => Ok((self.at + length, 0)),
            Some(missing) if missing <= self.missing => Ok((self.bytes.len(), missing)),
            Some(_) => {
                let reason = format!("it says {}, and {left} are there", count(length));
                Err(Fault::new(field, self.at + offset, reason))
            }
        }
    }
}

/// What was found on the way.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) layers: Vec<Layer>,
    pub(super) segment: Option<Segment>,
}

/// Goes from header to header, to the last or to a fault.
pub(super) fn walk(link: LinkType, bytes: &[u8], wire_length: usize) -> (Walk, Option<Fault>) {
    let mut walk = Walk::default();
    let missing = wire_length.saturating_sub(bytes.len());
    let mut rest = Rest {
        bytes,
        at: 0,
        missing,
    };
    let fault = walk.go(link, &mut rest).err().map(|fault| match missing {
        0 => fault,
        _ if wire_length == usize::MAX => fault, // how long it was is not known
        _ => Fault {
            reason: format!(
                "{} (the capture kept {} of {wire_length} bytes)",
                fault.reason,
                bytes.len()
            ),
            ..fault
        },
    });
    if fault.is_none() && rest.at < bytes.len() {
        walk.layers
            .push(link::padding(Rest { bytes, ..rest }, link));
    }
    (walk, fault)
}

impl Walk {
    fn go(&mut self, link: LinkType, rest: &mut Rest) -> Result<(), Fault> {
        let mut next = match link {
            LinkType::Ethernet => self.note(rest, link::ethernet(*rest)?),
            LinkType::Sll => self.note(rest, link::sll(*rest)?),
            LinkType::Sll2 => self.note(rest, link::sll2(*rest)?),
            LinkType::Ip => Next::Ip,
        };
        loop {
            let found = match next {
                Next::EtherType(EtherType::IPV4) => ip::v4(*rest)?,
                Next::EtherType(EtherType::IPV6) => ip::v6(*rest)?,
                Next::EtherType(EtherType::ARP) => link::arp(*rest)?,
                Next::EtherType(
                    EtherType::VLAN_TAGGED_FRAME
                    | EtherType::PROVIDER_BRIDGING
                    | EtherType::VLAN_DOUBLE_TAGGED_FRAME,
                ) => link::vlan(*rest)?,
                Next::EtherType(_) => application::data(*rest, 3, "data"),
                Next::Data(level) => application::data(*rest, level, "data"),
                Next::Ip if rest.left().first().is_some_and(|byte| byte >> 4 == 6) => {
                    ip::v6(*rest)?
                }
                Next::Ip => ip::v4(*rest)?,
                Next::InIp(number, packet) => {
                    rest.bytes = &rest.bytes[..packet.end];
                    self.in_ip(number, *rest, packet)?
                }
                Next::Message(ports, end) => {
                    rest.bytes = &rest.bytes[..end];
                    match ports.contains(&69) && rest.missing == 0 {
                        true => application::tftp(*rest)?,
                        false => application::data(*rest, application::APPLICATION, "data"),
                    }
                }
                Next::Fragment(packet) => {
                    rest.bytes = &rest.bytes[..packet.end];
                    application::data(*rest, 4, "fragment")
                }
                Next::End => return Ok(()),
            };
            next = self.note(rest, found);
        }
    }

    fn in_ip(
        &mut self,
        number: IpNumber,
        rest: Rest,
        packet: Packet,
    ) -> Result<(Layer, Next), Fault> {
        match number {
            IpNumber::TCP => {
                let (found, segment) = transport::tcp(rest, packet)?;
                self.segment = Some(segment);
                Ok(found)
            }
            IpNumber::UDP => transport::udp(rest, packet),
            IpNumber::ICMP => icmp::v4(rest, packet),
            IpNumber::IPV6_ICMP => icmp::v6(rest, packet),
            IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS => ip::extension(rest, packet),
            IpNumber::IPV6_FRAGMENTATION_HEADER => ip::fragment(rest, packet),
            _ => Ok(application::data(rest, 4, "data")),
        }
    }

    /// A header has been read: what follows begins after it.
    fn note(&mut self, rest: &mut Rest, (layer, next): (Layer, Next)) -> Next {
        rest.at = layer.bytes.end;
        if !layer.bytes.is_empty() {
            self.layers.push(layer);
        }
        next
    }
}
