//! Canonical answers as bytes, for stores: small, and read without trust. Whoever keeps them says of which version they
//! are ([`VERSION`]): a program reads only its own.

mod answer;
mod part;

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject};
use crate::words::Words;

/// Changes whenever what is written changes.
pub const VERSION: u8 = 1;

/// How deep parts may stand in parts.
const DEEPEST: u8 = 8;

/// What can be written as bytes and read again.
pub trait Packed: Sized {
    /// Adds it.
    fn pack(&self, out: &mut Vec<u8>);

    /// Reads what [`Packed::pack`] added; `None` when the bytes are something else.
    fn unpack(from: &mut Reader<'_>) -> Option<Self>;
}

/// Bytes that are being read.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Begins at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// Whether everything was read.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u64::unpack(self)?).ok()
    }

    /// Reads something that may hold its own kind.
    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= DEEPEST)?;
        let found = read(self);
        self.depth -= 1;
        found
    }
}

/// Seven bits a byte, the lowest first.
impl Packed for u64 {
    fn pack(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        out.push(rest.to_le_bytes()[0]);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = from.byte()?;
            let bits = Self::from(byte & 0x7f);
            // The tenth byte has one bit left.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

impl Packed for u32 {
    fn pack(&self, out: &mut Vec<u8>) {
        u64::from(*self).pack(out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        u64::unpack(from)?.try_into().ok()
    }
}

impl Packed for i64 {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_le_bytes(from.take(8)?.try_into().ok()?))
    }
}

impl Packed for f64 {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_le_bytes(from.take(8)?.try_into().ok()?))
    }
}

impl Packed for bool {
    fn pack(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

fn pack_text(text: &str, out: &mut Vec<u8>) {
    (text.len() as u64).pack(out);
    out.extend_from_slice(text.as_bytes());
}

impl Packed for String {
    fn pack(&self, out: &mut Vec<u8>) {
        pack_text(self, out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length()?;
        std::str::from_utf8(from.take(length)?).ok().map(str::to_owned)
    }
}

impl Packed for Words {
    fn pack(&self, out: &mut Vec<u8>) {
        pack_text(self, out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        String::unpack(from).map(Self::from)
    }
}

impl Packed for RawJson {
    fn pack(&self, out: &mut Vec<u8>) {
        pack_text(self.get(), out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Self::parse(String::unpack(from)?).ok()
    }
}

impl Packed for RawObject {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u64).pack(out);
        for (name, value) in self.iter() {
            pack_text(name, out);
            value.pack(out);
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length()?;
        (0..length).map(|_| Some((String::unpack(from)?, RawJson::unpack(from)?))).collect()
    }
}

impl Packed for DialectId {
    fn pack(&self, out: &mut Vec<u8>) {
        pack_text(self.name(), out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Self::named(&String::unpack(from)?)
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        if bool::unpack(from)? { T::unpack(from).map(Some) } else { Some(None) }
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.len() as u64).pack(out);
        self.iter().for_each(|item| item.pack(out));
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        let length = from.length()?;
        // A length that is a lie takes no memory: items are read one after the other.
        (0..length).map(|_| T::unpack(from)).collect()
    }
}

impl<One: Packed, Other: Packed> Packed for (One, Other) {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
        self.1.pack(out);
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some((One::unpack(from)?, Other::unpack(from)?))
    }
}

/// A struct is its fields, one after the other; the compiler says when one is forgotten.
macro_rules! fields {
    ($type:ident { $($field:ident),* }) => {
        impl $crate::packed::Packed for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::packed::Packed::pack($field, out);)*
            }

            fn unpack(from: &mut $crate::packed::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::packed::Packed::unpack(from)?),* })
            }
        }
    };
}
use fields;

/// Names without content, by their place in a list.
macro_rules! words {
    ($type:ident: $($name:ident),*) => {
        impl $crate::packed::Packed for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }

            fn unpack(from: &mut $crate::packed::Reader<'_>) -> Option<Self> {
                let byte = from.byte()?;
                $(if byte == Self::$name as u8 {
                    return Some(Self::$name);
                })*
                None
            }
        }
    };
}
use words;

#[cfg(test)]
mod tests;
