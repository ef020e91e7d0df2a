//! Integers in messages: netlink uses the machine's own byte order, but for ports and addresses.

/// Appends integers to a message.
pub(super) trait Bytes {
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
}

impl Bytes for Vec<u8> {
    fn put_u16(&mut self, value: u16) {
        self.extend(value.to_ne_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend(value.to_ne_bytes());
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
