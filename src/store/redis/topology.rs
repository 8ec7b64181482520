//! The topology of a cluster: which node owns which slots.

use super::url::Address;

/// The primaries of a cluster as one of its nodes sees them, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Topology {
    primaries: Vec<Primary>,
    /// The greatest of their epochs: each change of a slot's owner takes a new one.
    epoch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Primary {
    address: Address,
    /// First and last slot of each range, in order.
    slots: Vec<(u16, u16)>,
}

impl Topology {
    /// Parses an answer to `CLUSTER NODES`.
    ///
    /// A node that does not know its own address yet gets the one where it was asked. With `named`,
    /// nodes go by their host names, if they have any, because a certificate contains those.
    pub(super) fn parse(nodes: &str, asked: &Address, named: bool) -> Self {
        let (mut primaries, epochs): (Vec<_>, Vec<_>) =
            nodes.lines().filter_map(|line| Primary::parse(line, asked, named)).unzip();
        primaries.sort();
        Self { primaries, epoch: epochs.into_iter().max().unwrap_or(0) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns whether the same nodes own the same slots.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.primaries == other.primaries
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let has = |primary: &&Primary| {
            let mut ranges = primary.slots.iter();
            ranges.any(|(first, last)| (*first..=*last).contains(&slot))
        };
        self.primaries.iter().find(has).map(|primary| &primary.address)
    }

    pub(super) fn primaries(&self) -> impl Iterator<Item = &Address> {
        self.primaries.iter().map(|primary| &primary.address)
    }
}

impl Primary {
    /// Parses `id address flags primary ping pong epoch link slot…`; returns the epoch too.
    fn parse(line: &str, asked: &Address, named: bool) -> Option<(Self, u64)> {
        let mut fields = line.split(' ');
        let mut address = node_address(fields.nth(1)?, named)?;
        let flags: Vec<_> = fields.next()?.split(',').collect();
        if !flags.contains(&"master") || flags.iter().any(|f| ["handshake", "noaddr"].contains(f)) {
            return None;
        }
        if address.host.is_empty() {
            address.host.clone_from(&asked.host);
        }
        let epoch = fields.nth(3)?.parse().ok()?;
        // Slots in brackets are moving to or from another node.
        let slots = fields.skip(1).filter(|slots| !slots.starts_with('['));
        let mut slots: Vec<_> = slots.filter_map(range).collect();
        slots.sort_unstable();
        // A failed and replaced primary owns none. A working one without slots may get some at any
        // time.
        if slots.is_empty() && flags.contains(&"fail") {
            return None;
        }
        Some((Self { address, slots }, epoch))
    }
}

/// Parses `ip:port@bus[,name[,…]]`.
fn node_address(text: &str, named: bool) -> Option<Address> {
    let mut parts = text.split(',');
    let (address, _) = parts.next()?.split_once('@')?;
    let mut address = Address::parse(address)?;
    if let Some(name) = parts.next().filter(|name| named && !name.is_empty()) {
        name.clone_into(&mut address.host);
    }
    Some(address)
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NODES: &str = "\
a1 127.0.0.1:30004@31004,host4 slave e7 0 1426238317239 4 connected
a2 127.0.0.1:30002@31002,host2 master - 0 1426238316232 2 connected 5461-10922
a3 127.0.0.1:30003@31003,host3 master,fail? - 0 1426238318243 3 connected 16383 10923-16382 [93-<-a2]
a5 127.0.0.1:30005@31005,host5 master,fail - 0 0 3 disconnected
a6 127.0.0.1:30006@31006 master - 0 0 3 connected
a7 :0@0 master,noaddr - 0 0 3 disconnected 7
e7 :30001@31001,host1 myself,master - 0 0 1 connected 0-5460 [93->-a3]
";

    fn at(host: &str, port: u16) -> Address {
        Address { host: host.into(), port }
    }

    #[test]
    fn primaries_and_their_slots_are_parsed() {
        let seen = Topology::parse(NODES, &at("127.0.0.1", 30001), false);
        let ports: Vec<_> = seen.primaries().map(|address| address.port).collect();
        assert_eq!(ports, [30001, 30002, 30003, 30006]);
        assert_eq!(seen.owner(0), Some(&at("127.0.0.1", 30001)));
        assert_eq!(seen.owner(5461).unwrap().port, 30002);
        assert_eq!(seen.owner(16383).unwrap().port, 30003);
        assert_eq!(seen.epoch(), 3);
        assert_eq!(Topology::default().owner(1), None);
    }

    #[test]
    fn host_names_replace_addresses_on_request() {
        let seen = Topology::parse(NODES, &at("127.0.0.1", 30001), true);
        assert_eq!(seen.owner(5461), Some(&at("host2", 30002)));
        assert!(seen.primaries().any(|address| *address == at("127.0.0.1", 30006)));
    }

    #[test]
    fn details_that_only_the_node_itself_knows_are_ignored() {
        let others = NODES.replace(":30001@", "127.0.0.1:30001@").replace("myself,", "");
        let others = others.replace(" [93->-a3]", "").replace("1426238316232", "5");
        let asked = at("127.0.0.1", 30001);
        let same = Topology::parse(&others, &asked, false);
        assert!(same.agrees(&Topology::parse(NODES, &asked, false)));
        let moved = Topology::parse(&others.replace("0-5460", "1-5460"), &asked, false);
        assert!(!same.agrees(&moved));
    }
}
