//! The kinds of personal data: Presidio's names where it has them.

use crate::kinds::Rule;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entity {
    Email,
    Phone,
    Card,
    Iban,
    UsSsn,
    UsItin,
    CnId,
    UkNino,
    UkNhs,
    DeTaxId,
    EsNif,
    EsNie,
    ItFiscalCode,
    FrNir,
    NlBsn,
    PlPesel,
    InAadhaar,
    InPan,
    BrCpf,
    BrCnpj,
    CaSin,
    AuTfn,
    KrRrn,
    SgNric,
    Passport,
    Ip,
    Mac,
    Crypto,
    AbaRouting,
    UsBankNumber,
    DateOfBirth,
    Person,
}

/// Every kind in the order of the enum: its name, and what is found.
pub(super) const ENTITIES: [(Entity, &str, &str); 32] = [
    (Entity::Email, "EMAIL_ADDRESS", "E-mail address with a domain that has a top level of letters"),
    (
        Entity::Phone,
        "PHONE_NUMBER",
        "Phone number: `+` and 8 to 15 digits, US and Chinese formats, others after a word such as `tel`",
    ),
    (Entity::Card, "CREDIT_CARD", "Card number: issuer's prefix, length and Luhn"),
    (Entity::Iban, "IBAN_CODE", "IBAN: length of its country and mod 97"),
    (
        Entity::UsSsn,
        "US_SSN",
        "US social security number: formatted, or nine digits in context; never those that are not given out",
    ),
    (Entity::UsItin, "US_ITIN", "US taxpayer number: formatted, ranges of the IRS"),
    (Entity::CnId, "CN_RESIDENT_ID", "Chinese resident id: 18 characters, date of birth and check character"),
    (Entity::UkNino, "UK_NINO", "UK national insurance number: letters that are given out"),
    (Entity::UkNhs, "UK_NHS", "NHS number: mod 11, in context"),
    (Entity::DeTaxId, "DE_TAX_ID", "German tax id: check digit, spaced `12 345 678 901` or in context"),
    (Entity::EsNif, "ES_NIF", "Spanish DNI: check letter"),
    (Entity::EsNie, "ES_NIE", "Spanish NIE: check letter"),
    (Entity::ItFiscalCode, "IT_FISCAL_CODE", "Italian codice fiscale: check letter"),
    (Entity::FrNir, "FR_NIR", "French social security number: key of mod 97"),
    (Entity::NlBsn, "NL_BSN", "Dutch BSN: eleven test, in context"),
    (Entity::PlPesel, "PL_PESEL", "Polish PESEL: check digit and date, in context"),
    (Entity::InAadhaar, "IN_AADHAAR", "Aadhaar: Verhoeff; spaced `1234 5678 9012` or in context"),
    (Entity::InPan, "IN_PAN", "Indian PAN: letter of the kind of holder"),
    (Entity::BrCpf, "BR_CPF", "Brazilian CPF: two check digits; formatted or in context"),
    (Entity::BrCnpj, "BR_CNPJ", "Brazilian CNPJ: two check digits; formatted or in context"),
    (Entity::CaSin, "CA_SIN", "Canadian social insurance number: Luhn, in context"),
    (Entity::AuTfn, "AU_TFN", "Australian tax file number: mod 11, in context"),
    (Entity::KrRrn, "KR_RRN", "Korean resident number: date and check digit"),
    (Entity::SgNric, "SG_NRIC_FIN", "Singapore NRIC and FIN: check letter"),
    (Entity::Passport, "PASSPORT", "Passport number, in context"),
    (Entity::Ip, "IP_ADDRESS", "IPv4 and IPv6 address; not loopback, unspecified, or masks"),
    (Entity::Mac, "MAC_ADDRESS", "MAC address with colons or hyphens"),
    (
        Entity::Crypto,
        "CRYPTO",
        "Wallet: Base58Check and Bech32 with checksum, Ethereum's 40 hexadecimal digits",
    ),
    (Entity::AbaRouting, "ABA_ROUTING_NUMBER", "US bank routing number: check digit, in context"),
    (Entity::UsBankNumber, "US_BANK_NUMBER", "Account number of 8 to 17 digits, in context"),
    (Entity::DateOfBirth, "DATE_OF_BIRTH", "Date after words such as `born`, `DOB`, `出生`"),
    (Entity::Person, "PERSON", "Names of the list `names`"),
];

impl Entity {
    /// Of two that overlap, which stays: what has a checksum before what has not.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Card | Self::Iban | Self::CnId | Self::Crypto | Self::Email => 1,
            Self::Phone | Self::UsBankNumber | Self::Passport => 3,
            _ => 2,
        }
    }
}

/// The rules, in the order of their numbers.
pub(crate) fn rules() -> Vec<Rule> {
    ENTITIES.map(|(_, id, finds)| Rule { id, finds }).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (place, (entity, ..)) in ENTITIES.iter().enumerate() {
            assert_eq!(*entity as usize, place);
        }
    }
}
