//! Certificate authorities on disk: the one in force, and the one that will follow it.
//!
//! Each is one private file: a line with its last day, its certificate, its key. So a succession is one renaming, and
//! there is no moment at which half of it is done. Kubeconfigs are given both certificates and are rarely written
//! again; so the successor takes over while its predecessor is still good, and is then given a successor itself.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use super::{PkiError, failed, ymd};
use crate::folder;

/// How long the first authority is good for, in years; of each later one, what is left when it takes over.
const LIFE_YEARS: i16 = 10;
/// How long before its end an authority is replaced, in years, at the next start.
const HANDOVER_YEARS: i16 = 2;

const TITLE: &str = "Entryway certificate authority, good until ";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const KEY: &str = "-----BEGIN PRIVATE KEY-----";

/// The authorities of a data folder.
pub(super) struct Authorities {
    /// Signs server certificates.
    pub(super) current: Authority,
    /// Will follow it.
    pub(super) next: Authority,
}

/// A certificate authority.
pub(super) struct Authority {
    certificate: String,
    key: KeyPair,
    last_day: Date,
}

impl Authorities {
    /// Reads those of the folder, makes those that are missing, and moves on where it is time to.
    ///
    /// # Errors
    /// [`PkiError::Ended`] where it is time to for both: whoever was given them would trust neither's follower.
    pub(super) fn open(folder: &Path, today: Date) -> Result<Authorities, PkiError> {
        let paths = [folder.join("ca.pem"), folder.join("next.pem")];
        let [current_path, next_path] = &paths;
        let current = Authority::open(current_path, || later(today, LIFE_YEARS))?;
        let next = Authority::open(next_path, || current.successor_until(today))?;
        if !current.is_due(today) {
            return Ok(Authorities { current, next });
        }
        if next.is_due(today) {
            return Err(PkiError::Ended { folder: folder.display().to_string(), today });
        }
        folder::rename(next_path, current_path)?;
        tracing::info!(until = %next.last_day, "the certificate authority's successor has taken over");
        let after = Authority::open(next_path, || next.successor_until(today))?;
        Ok(Authorities { current: next, next: after })
    }
}

impl Authority {
    /// Reads an authority; makes one that is good until a day where there is none.
    fn open(path: &Path, last_day: impl FnOnce() -> Date) -> Result<Authority, PkiError> {
        match folder::read(path)? {
            Some(text) => Authority::parse(&text)
                .map_err(|problem| PkiError::Broken { path: path.display().to_string(), problem }),
            None => {
                let authority = Authority::make(last_day())?;
                folder::write(path, authority.to_file().as_bytes())?;
                Ok(authority)
            }
        }
    }

    fn make(last_day: Date) -> Result<Authority, PkiError> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params();
        params.not_before = date_time_ymd(2024, 1, 1);
        let (year, month, day) = ymd(last_day);
        params.not_after = date_time_ymd(year, month, day);
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Authority { certificate, key, last_day })
    }

    fn to_file(&self) -> String {
        format!("{TITLE}{}\n{}{}", self.last_day, self.certificate, self.key.serialize_pem())
    }

    fn parse(text: &str) -> Result<Authority, String> {
        let (title, rest) = text.split_once('\n').unwrap_or_default();
        let last_day =
            title.strip_prefix(TITLE).and_then(|day| day.parse().ok()).ok_or("it does not begin with its last day")?;
        let at = rest.find(KEY).ok_or("it holds no key")?;
        let (certificate, key) = rest.split_at(at);
        if !certificate.starts_with(CERTIFICATE) {
            return Err("it holds no certificate".to_owned());
        }
        let key = KeyPair::from_pem(key).map_err(|error| error.to_string())?;
        Ok(Authority { certificate: certificate.to_owned(), key, last_day })
    }

    /// Whether it is time for the successor.
    fn is_due(&self, today: Date) -> bool {
        later(today, HANDOVER_YEARS) > self.last_day
    }

    /// How long its successor is to be good: for the same time from when it takes over.
    fn successor_until(&self, today: Date) -> Date {
        later(self.last_day.max(later(today, HANDOVER_YEARS)), LIFE_YEARS - HANDOVER_YEARS)
    }

    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    pub(super) fn into_issuer(self) -> Issuer<'static, KeyPair> {
        Issuer::new(params(), self.key)
    }
}

fn later(day: Date, years: i16) -> Date {
    day.saturating_add(years.years())
}

/// INVARIANT (stable authority): nothing here changes once released, for the issuer of later certificates is built
/// from it and has to be the one that the kept certificate names.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Entryway local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certificates in force and to come, and their last days.
    fn open(folder: &Path, today: &str) -> ([String; 2], [String; 2]) {
        let Authorities { current, next } = Authorities::open(folder, today.parse().unwrap()).unwrap();
        let days = [current.last_day.to_string(), next.last_day.to_string()];
        ([current.certificate, next.certificate], days)
    }

    #[test]
    fn the_successor_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let (first, days) = open(folder.path(), "2026-11-25");
        assert_eq!(days, ["2036-11-25", "2044-11-25"]);
        assert_ne!(first[0], first[1]);
        assert_eq!(open(folder.path(), "2034-11-25").0, first, "it stays for eight years");
        let (second, days) = open(folder.path(), "2034-11-26");
        assert_eq!((&second[0], days), (&first[1], ["2044-11-25", "2052-11-25"].map(str::to_owned)));
        assert_eq!(open(folder.path(), "2034-11-27").0, second);
        // Nobody has trusted a third one: that is rather a clock that is off, and nothing is thrown away for it.
        let error = Authorities::open(folder.path(), "2060-01-01".parse().unwrap()).err().unwrap().to_string();
        assert!(error.starts_with("this machine's clock says 2060-01-01"), "{error}");
        assert_eq!(open(folder.path(), "2034-11-27").0, second);
        // One that was wrong and has been set right does not bring the old authority back.
        assert_eq!(open(folder.path(), "2026-11-25").0, second);
    }

    #[test]
    fn damaged_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let today: Date = "2026-11-25".parse().unwrap();
        open(folder.path(), "2026-11-25");
        let path = folder.path().join("ca.pem");
        let whole = std::fs::read_to_string(&path).unwrap();
        let cut = whole.len() - 100;
        for text in ["", "nonsense", &whole[..cut], &whole.replace("BEGIN CERT", "x"), &whole.replace(TITLE, "")] {
            std::fs::write(&path, text).unwrap();
            let error = Authorities::open(folder.path(), today).err().unwrap().to_string();
            assert!(error.starts_with(path.to_str().unwrap()) && error.contains("is damaged ("), "{error}");
        }
    }
}
