//! Objects read in one pass: known keys into fields, all others kept as they are.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use llm_core::{RawJson, RawObject};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A struct that is read key by key.
pub(super) trait Fields<'de>: Default {
    /// Reads the value of a key that the struct knows; `false` (and nothing taken) for any other.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Takes a member that the struct does not know. Without an own version it is skipped.
    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let _ = key;
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Keeps an unknown member, unless it is null: vendors fill answers with nulls that say nothing.
pub(super) fn keep<'de, A: MapAccess<'de>>(
    extras: &mut RawObject,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    let value: RawJson = map.next_value()?;
    if !value.is_null() {
        extras.insert(key, value);
    }
    Ok(())
}

/// Reads a [`Fields`] struct. A null counts as an empty object.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut fields = T::default();
                while let Some(Key(key)) = map.next_key()? {
                    if !fields.field(&key, &mut map)? {
                        fields.unknown(&key, &mut map)?;
                    }
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A list of [`Fields`] structs; null and absent are empty.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of objects")
            }

            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element::<Option<Object<T>>>()? {
                    list.push(item.map(|object| object.0).unwrap_or_default());
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// A [`Fields`] struct where null stands for none.
pub(super) fn object<'de, T: Fields<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    Ok(map.next_value::<Option<Object<T>>>()?.map(|object| object.0))
}

/// A list of [`Fields`] structs.
pub(super) fn list<'de, T: Fields<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Vec<T>, A::Error> {
    Ok(map.next_value::<List<T>>()?.0)
}

/// A key, borrowed where its spelling has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Key)
    }
}

/// A text, borrowed where its spelling has no escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Text)
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Letters;
    impl<'de> Visitor<'de> for Letters {
        type Value = Cow<'de, str>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    deserializer.deserialize_str(Letters)
}

/// A text whatever JSON it is: a string's content, any other value as its JSON text, null as none. For places where
/// vendors disagree about the type (arguments as an object, numeric codes).
pub(super) fn any_text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    let raw: &'de RawValue = map.next_value()?;
    Ok(text_of(raw))
}

/// See [`any_text`].
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get() {
        "null" => None,
        quoted if quoted.starts_with('"') => serde_json::from_str::<Text<'_>>(quoted).ok().map(|text| text.0),
        other => Some(Cow::Borrowed(other)),
    }
}

/// A text that may be null; blank counts as none.
pub(super) fn filled<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(map.next_value::<Option<Text<'de>>>()?.map(|text| text.0).filter(|text| !text.is_empty()))
}

/// A text in an answer that may be anything: what is no string, or blank, counts as none.
pub(super) fn lenient<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(string(map)?.filter(|text| !text.is_empty()))
}

/// Like [`lenient`], but a blank text is one.
pub(super) fn string<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    let raw: &'de RawValue = map.next_value()?;
    Ok(if raw.get().starts_with('"') { text_of(raw) } else { None })
}
