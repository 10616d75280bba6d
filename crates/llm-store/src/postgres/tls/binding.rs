//! What a login is bound to: `tls-server-end-point` of RFC 5929, the hash of the server's certificate.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// The tag of a list in DER.
const SEQUENCE: u8 = 0x30;

/// The tag of a name in DER.
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The hash of a certificate, by the function that its signature uses; `None` where that is none of those that RFC 5929
/// speaks of (Ed25519 hashes nothing).
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let function = hash_function(certificate)?;
    Some(digest(function, certificate).as_ref().to_vec())
}

/// Reads as much of a certificate as it takes: `SEQUENCE { what is signed, SEQUENCE { how it is signed, … }, … }`.
fn hash_function(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(certificate, SEQUENCE)?;
    let (signature, _) = element(rest, SEQUENCE)?;
    let (name, parameters) = element(signature, OBJECT_IDENTIFIER)?;
    match name {
        // sha256WithRSAEncryption and its kin, RFC 8017; MD5 and SHA-1 count as SHA-256, RFC 5929.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, kind] => match kind {
            4 | 5 | 11 => Some(&SHA256),
            12 => Some(&SHA384),
            13 => Some(&SHA512),
            // RSASSA-PSS names its function among its parameters; the usual one is the shortest.
            10 => Some(if contains(parameters, 2) {
                &SHA384
            } else if contains(parameters, 3) {
                &SHA512
            } else {
                &SHA256
            }),
            _ => None,
        },
        // ecdsa-with-SHA256 and its kin, RFC 5758.
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, kind] => match kind {
            2 => Some(&SHA256),
            3 => Some(&SHA384),
            4 => Some(&SHA512),
            _ => None,
        },
        _ => None,
    }
}

/// Whether parameters name a function of the family of SHA-2.
fn contains(parameters: &[u8], kind: u8) -> bool {
    let name = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, kind];
    parameters.windows(name.len()).any(|window| window == name)
}

/// The content of the first element, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(signature: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).expect("it is short");
            [&[tag, 0x81, length], content].concat()
        };
        let signed = wrap(SEQUENCE, &[2, 1, 1]);
        wrap(SEQUENCE, &[signed, wrap(SEQUENCE, &wrap(OBJECT_IDENTIFIER, signature)), vec![3, 1, 0]].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let rsa = |kind| certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, kind]);
        let ecdsa = |kind| certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, kind]);
        for (one, length) in
            [(rsa(5), 32), (rsa(11), 32), (rsa(12), 48), (rsa(13), 64), (ecdsa(2), 32), (ecdsa(4), 64)]
        {
            assert_eq!(end_point(&one).map(|hash| hash.len()), Some(length));
        }
        assert_eq!(end_point(&certificate(&[0x2b, 0x65, 0x70])), None, "Ed25519");
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let whole = certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 2]);
        for length in 0..whole.len() {
            assert_eq!(end_point(&whole[..length]), None);
        }
    }
}
