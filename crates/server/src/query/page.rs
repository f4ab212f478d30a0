//! `Marker` and `MaxItems`.
//!
//! A marker holds the list it is of and a position in it. It gives nothing away and opens nothing: whoever makes one
//! up sees what the list shows anyway. One of another list is refused.

use entryway_directory::{Page, PageRequest};

use super::xml::Xml;
use super::{Parameters, QueryError};

/// What IAM gives when nothing else is asked for.
const DEFAULT_ITEMS: u32 = 100;
/// The most that may be asked for.
const MOST_ITEMS: u32 = 1000;

/// The page that a call asks for. `list` is what its marker is bound to.
pub(super) fn requested(parameters: &Parameters, list: &str) -> Result<PageRequest, QueryError> {
    let limit = match parameters.number("MaxItems")?.unwrap_or(DEFAULT_ITEMS) {
        0 => return Err(QueryError::constraint("maxItems", "0", "Member must have value greater than or equal to 1")),
        limit if limit > MOST_ITEMS => {
            let most = format!("Member must have value less than or equal to {MOST_ITEMS}");
            return Err(QueryError::constraint("maxItems", &limit.to_string(), most));
        }
        limit => limit as usize,
    };
    let after = match parameters.get("Marker") {
        None => None,
        Some(marker) => {
            let position = unhex(marker).and_then(|text| Some(text.strip_prefix(list)?.strip_prefix('\n')?.to_owned()));
            Some(position.ok_or_else(|| QueryError::validation("Invalid Marker."))?)
        }
    };
    Ok(PageRequest { after, limit })
}

/// `IsTruncated` and `Marker`.
pub(super) fn write<T>(xml: &mut Xml, page: &Page<T>, list: &str) {
    xml.leaf("IsTruncated", page.next.is_some());
    xml.optional("Marker", page.next.as_ref().map(|position| hex(&format!("{list}\n{position}"))));
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<String> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    String::from_utf8((0..text.len()).step_by(2).map(byte).collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(query: &str) -> Result<PageRequest, QueryError> {
        requested(&Parameters::parse(query, b"").unwrap(), "ListRoles")
    }

    #[test]
    fn limits() {
        assert_eq!(asked("").unwrap().limit, 100);
        assert_eq!(asked("MaxItems=1000").unwrap().limit, 1000);
        for bad in ["MaxItems=0", "MaxItems=1001", "MaxItems=-1", "MaxItems=x", "MaxItems="] {
            assert_eq!(asked(bad).unwrap_err().parts().0, "ValidationError", "{bad}");
        }
    }

    #[test]
    fn markers() {
        let marker = |list: &str| hex(&format!("{list}\nbob"));
        assert_eq!(asked(&format!("Marker={}", marker("ListRoles"))).unwrap().after.as_deref(), Some("bob"));
        for bad in [marker("ListUsers"), marker("List"), String::new(), "é".into(), "abc".into(), "ff".into()] {
            assert_eq!(asked(&format!("Marker={bad}")).unwrap_err().parts().2, "Invalid Marker.", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_goes_there_and_back(text in ".*") {
            prop_assert_eq!(unhex(&hex(&text)), Some(text.clone()));
            let _ = unhex(&text);
        }
    }
}
