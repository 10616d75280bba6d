//! Values as PostgreSQL writes them.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::database::{DatabaseError, Value};

/// A value that does not fit the type of its place.
#[derive(Debug)]
pub(super) struct NoPlace {
    what: &'static str,
    place: String,
}

impl fmt::Display for NoPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, place } = self;
        write!(
            formatter,
            "{what} cannot stand in the place of a {place}: write CAST($1 AS …) around the parameter"
        )
    }
}

impl Error for NoPlace {}

/// The type of a parameter whose place has not been asked for.
pub(super) fn kind(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Integer(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(&self, place: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let wrong = |what| Box::new(NoPlace { what, place: place.name().to_owned() });
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => match *place {
                Type::INT8 => number.to_sql(place, out),
                Type::INT4 => {
                    i32::try_from(*number).map_err(|_| wrong("so large a number"))?.to_sql(place, out)
                }
                Type::FLOAT8 => (*number as f64).to_sql(place, out),
                Type::BOOL => (*number != 0).to_sql(place, out),
                _ => Err(wrong("a whole number")),
            },
            Self::Real(number) => match *place {
                Type::FLOAT8 => number.to_sql(place, out),
                _ => Err(wrong("a number")),
            },
            Self::Text(text) => match <&str as ToSql>::accepts(place) {
                true => text.as_str().to_sql(place, out),
                false => Err(wrong("text")),
            },
            Self::Bytes(bytes) => match *place {
                Type::BYTEA => bytes.as_slice().to_sql(place, out),
                _ => Err(wrong("bytes")),
            },
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(kind, raw).map(Self::from),
            Type::INT2 => i16::from_sql(kind, raw).map(|number| Self::Integer(number.into())),
            Type::BOOL => bool::from_sql(kind, raw).map(Self::from),
            Type::FLOAT8 => f64::from_sql(kind, raw).map(Self::Real),
            Type::FLOAT4 => f32::from_sql(kind, raw).map(|number| Self::Real(number.into())),
            Type::BYTEA => Ok(Self::Bytes(raw.to_owned())),
            Type::VOID => Ok(Self::Null),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        let plain = [
            Type::INT8,
            Type::INT4,
            Type::INT2,
            Type::BOOL,
            Type::FLOAT8,
            Type::FLOAT4,
            Type::BYTEA,
            Type::VOID,
        ];
        plain.contains(kind) || <String as FromSql>::accepts(kind)
    }
}

/// What stands in a row.
pub(super) fn read(row: &tokio_postgres::Row) -> Result<Vec<Value>, DatabaseError> {
    let of = |(place, column): (usize, &tokio_postgres::Column)| {
        row.try_get(place).map_err(|_| {
            let (name, kind) = (column.name(), column.type_());
            DatabaseError::statement(format!("the column `{name}` is a {kind}: write CAST({name} AS …)"))
        })
    };
    row.columns().iter().enumerate().map(of).collect()
}
