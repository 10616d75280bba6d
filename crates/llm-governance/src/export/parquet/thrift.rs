//! Thrift's compact protocol, as much of it as heads of pages and the footer of Parquet need.
//!
//! By <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

const TRUE: u8 = 1;
pub(super) const INT: u8 = 5;
const LONG: u8 = 6;
pub(super) const TEXT: u8 = 8;
const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Writes one struct with all that is in it. Fields come in the order of their numbers.
#[derive(Default)]
pub(super) struct Thrift {
    out: Vec<u8>,
    /// The number of the field that was written last: the next one says how far it is from there.
    last: u8,
    /// The same of the structs around.
    around: Vec<u8>,
}

impl Thrift {
    /// What is written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Ends the struct as a whole.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }

    /// A field of an `i32`, or of an enumeration.
    pub(super) fn int(&mut self, field: u8, value: i64) {
        self.field(field, INT);
        self.value(value);
    }

    /// A field of an `i64`.
    pub(super) fn long(&mut self, field: u8, value: i64) {
        self.field(field, LONG);
        self.value(value);
    }

    /// A field that is true.
    pub(super) fn yes(&mut self, field: u8) {
        self.field(field, TRUE);
    }

    /// A field of a text.
    pub(super) fn text(&mut self, field: u8, text: &str) {
        self.field(field, TEXT);
        self.item(text);
    }

    /// A field of a list; so many items of that kind follow.
    pub(super) fn list(&mut self, field: u8, kind: u8, length: usize) {
        self.field(field, LIST);
        match u8::try_from(length) {
            Ok(short @ 0..15) => self.out.push(short << 4 | kind),
            _ => {
                self.out.push(0xf0 | kind);
                varint(length as u64, &mut self.out);
            }
        }
    }

    /// A field of a struct, which lasts until [`Self::close`].
    pub(super) fn open(&mut self, field: u8) {
        self.field(field, STRUCT);
        self.element();
    }

    /// A struct in a list, which lasts until [`Self::close`].
    pub(super) fn element(&mut self) {
        self.around.push(std::mem::take(&mut self.last));
    }

    /// The end of a struct within another.
    pub(super) fn close(&mut self) {
        self.out.push(0);
        self.last = self.around.pop().unwrap_or_default();
    }

    /// A number in a list.
    pub(super) fn value(&mut self, value: i64) {
        // Zigzag: small numbers are short whatever their sign.
        varint((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned(), &mut self.out);
    }

    /// A text in a list.
    pub(super) fn item(&mut self, text: &str) {
        varint(text.len() as u64, &mut self.out);
        self.out.extend(text.as_bytes());
    }

    /// Items of a list that are written already.
    pub(super) fn items(&mut self, items: &[u8]) {
        self.out.extend(items);
    }

    fn field(&mut self, field: u8, kind: u8) {
        // Numbers of fields are below sixteen here, so each is near enough to the last one.
        self.out.push((field - self.last) << 4 | kind);
        self.last = field;
    }
}

/// Seven bits in a byte, the lowest first.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_where_they_are_small() {
        let zigzag = |value| {
            let mut thrift = Thrift::default();
            thrift.value(value);
            thrift.out
        };
        for (value, bytes) in [
            (0, &b"\x00"[..]),
            (-1, b"\x01"),
            (1, b"\x02"),
            (63, b"\x7e"),
            (-64, b"\x7f"),
            (64, b"\x80\x01"),
            (150, b"\xac\x02"),
            (i64::MAX, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            (i64::MIN, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ] {
            assert_eq!(zigzag(value), bytes, "{value}");
        }
    }

    #[test]
    fn fields_say_how_far_they_are_from_the_last_one() {
        let mut thrift = Thrift::default();
        thrift.int(1, -2);
        thrift.text(4, "ä");
        thrift.open(5);
        thrift.yes(1);
        thrift.close();
        thrift.long(6, 300);
        thrift.list(7, INT, 2);
        thrift.value(0);
        thrift.value(3);
        thrift.list(9, STRUCT, 1);
        thrift.element();
        thrift.int(15, 1);
        thrift.close();
        let expected =
            b"\x15\x03\x38\x02\xc3\xa4\x1c\x11\x00\x16\xd8\x04\x19\x25\x00\x06\x29\x1c\xf5\x02\x00\x00";
        assert_eq!(thrift.end(), expected);
    }

    #[test]
    fn long_lists_have_their_length_behind() {
        let head = |length| {
            let mut thrift = Thrift::default();
            thrift.list(1, STRUCT, length);
            thrift.out
        };
        assert_eq!(head(0), b"\x19\x0c");
        assert_eq!(head(14), b"\x19\xec");
        assert_eq!(head(15), b"\x19\xfc\x0f");
        assert_eq!(head(300), b"\x19\xfc\xac\x02");
    }
}
