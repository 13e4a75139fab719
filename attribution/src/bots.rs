//! Who is no visitor: crawlers, link previewers, monitors and browsers without a person, by what they call themselves.
//!
//! The names are a list that others maintain, as scripts/renew-bots makes it (`lists/bots.txt`); it is read once and never
//! changes. HTTP libraries and developers' tools are not on it: people try the API with them. Whoever calls itself a
//! browser is one here.

use std::sync::LazyLock;

/// One name per line, in lower case and sorted; none is the beginning of another.
static LIST: &str = include_str!("../lists/bots.txt");

static BOTS: LazyLock<Bots> = LazyLock::new(|| Bots::read(LIST));

/// So many bytes of a name are looked at: interfaces take no more, and browsers send a quarter of it.
const MAX_LOOKED_AT: usize = 1_000;

/// So many beginnings of names are told apart before names are compared.
const BEGINNINGS: usize = 1 << 15;

struct Bots {
    anywhere: Vec<&'static [u8]>,
    at_the_start: Vec<&'static [u8]>,
    /// Whether a name begins with three bytes of this number: most places of a browser's name are done with then.
    beginnings: Vec<bool>,
}

/// Whether a `User-Agent` is on the list.
pub fn is_bot(user_agent: &str) -> bool {
    let bytes = user_agent.as_bytes();
    let name = bytes.get(..MAX_LOOKED_AT).unwrap_or(bytes).to_ascii_lowercase();
    BOTS.at_the_start.iter().any(|bot| name.starts_with(bot))
        || (0..name.len()).filter_map(|place| name.get(place..)).any(|rest| BOTS.begins(rest))
}

impl Bots {
    fn read(list: &'static str) -> Self {
        let mut bots = Self { anywhere: Vec::new(), at_the_start: Vec::new(), beginnings: vec![false; BEGINNINGS] };
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix('^') {
                Some(name) => bots.at_the_start.push(name.as_bytes()),
                None => bots.anywhere.push(line.as_bytes()),
            }
        }
        for name in &bots.anywhere {
            if let Some(known) = beginning(name).and_then(|number| bots.beginnings.get_mut(number)) {
                *known = true;
            }
        }
        bots
    }

    /// Whether one of the names stands at the beginning of `rest`. Only the last one that is not behind it in order can:
    /// whatever comes between a name and what it begins has the name as its beginning too.
    fn begins(&self, rest: &[u8]) -> bool {
        if !beginning(rest).and_then(|number| self.beginnings.get(number)).is_some_and(|known| *known) {
            return false;
        }
        let behind = self.anywhere.partition_point(|name| *name <= rest);
        behind.checked_sub(1).and_then(|last| self.anywhere.get(last)).is_some_and(|name| rest.starts_with(name))
    }
}

/// A number for the first three bytes, below [`BEGINNINGS`].
fn beginning(bytes: &[u8]) -> Option<usize> {
    let [first, second, third, ..] = bytes else { return None };
    let number = (usize::from(*first) << 10) ^ (usize::from(*second) << 5) ^ usize::from(*third);
    Some(number % BEGINNINGS)
}

#[cfg(test)]
mod tests;
