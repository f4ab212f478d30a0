//! Profiles in the AWS config files: `~/.aws/config` and `~/.aws/credentials`, or where the environment says.

use std::path::PathBuf;

use crate::error::CliError;
use crate::private_file;

/// The two files.
#[derive(Debug, Clone)]
pub(crate) struct ProfileFiles {
    config: PathBuf,
    credentials: PathBuf,
}

impl ProfileFiles {
    /// Where the AWS tools look for them.
    pub(crate) fn find() -> Result<ProfileFiles, CliError> {
        let home = etcetera::home_dir().map_err(|error| CliError::new(format!("there is no home folder: {error}")))?;
        let named = |variable: &str, name: &str| match std::env::var_os(variable).filter(|value| !value.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => home.join(".aws").join(name),
        };
        Ok(ProfileFiles {
            config: named("AWS_CONFIG_FILE", "config"),
            credentials: named("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        })
    }

    /// Whether either file has a profile of that name.
    pub(crate) fn has(&self, name: &str) -> Result<bool, CliError> {
        Ok(section(&read(&self.config)?, &config_header(name)).is_some()
            || section(&read(&self.credentials)?, name).is_some())
    }

    /// Writes the profile, in place of one of that name; all others stay.
    pub(crate) fn write(
        &self,
        name: &str,
        settings: &[(&str, &str)],
        credentials: &[(&str, &str)],
    ) -> Result<(), CliError> {
        for (path, header, pairs) in
            [(&self.credentials, name.to_owned(), credentials), (&self.config, config_header(name), settings)]
        {
            let text = with_section(&read(path)?, &header, pairs);
            private_file::replace(path, &text).map_err(|error| CliError::io("can't write", path, &error))?;
        }
        Ok(())
    }
}

/// A profile's name: what AWS's files can hold between brackets.
pub(crate) fn check_name(name: &str) -> Result<(), CliError> {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@+".contains(c)) {
        return Ok(());
    }
    Err(CliError::new(format!("`{name}` is no name for a profile: letters, digits and `-_./@+`")))
}

fn config_header(name: &str) -> String {
    if name == "default" { name.to_owned() } else { format!("profile {name}") }
}

fn read(path: &std::path::Path) -> Result<String, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(CliError::io("can't read", path, &error)),
    }
}

fn header_of(line: &str) -> Option<String> {
    let inner = line.trim().strip_prefix('[')?.split(']').next()?;
    Some(inner.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The lines of a section: that of its heading, and the one behind its last setting.
fn section(text: &str, header: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| header_of(line).as_deref() == Some(header))?;
    let next = lines
        .iter()
        .enumerate()
        .skip(start + 1)
        .find(|(_, line)| header_of(line).is_some())
        .map_or(lines.len(), |(at, _)| at);
    let end = lines
        .iter()
        .enumerate()
        .take(next)
        .skip(start)
        .rfind(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']))
        .map_or(start + 1, |(at, _)| at + 1);
    Some((start, end))
}

fn with_section(text: &str, header: &str, pairs: &[(&str, &str)]) -> String {
    let mut new = vec![format!("[{header}]")];
    new.extend(pairs.iter().map(|(key, value)| format!("{key} = {value}")));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match section(text, header) {
        Some((start, end)) => {
            lines.splice(start..end, new);
        }
        None => {
            if lines.last().is_some_and(|line| !line.trim().is_empty()) {
                lines.push(String::new());
            }
            lines.extend(new);
        }
    }
    lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_added_or_replaced_and_others_stay() {
        let text = "# mine\n[default]\nregion = eu-west-1\n\n[profile  local]\nregion = old\nsso_session = x\n# about work\n[profile work]\nregion = us-east-2";
        assert_eq!(
            with_section(text, "profile local", &[("region", "us-east-1"), ("endpoint_url", "http://x")]),
            "# mine\n[default]\nregion = eu-west-1\n\n[profile local]\nregion = us-east-1\nendpoint_url = http://x\n# about work\n[profile work]\nregion = us-east-2\n"
        );
        assert_eq!(with_section("", "a", &[("k", "v")]), "[a]\nk = v\n");
        assert_eq!(with_section("[b]\nx = y\n", "a", &[("k", "v")]), "[b]\nx = y\n\n[a]\nk = v\n");
        let once = with_section(text, "profile local", &[("region", "r")]);
        assert_eq!(with_section(&once, "profile local", &[("region", "r")]), once);
    }

    #[test]
    fn both_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = ProfileFiles { config: folder.path().join("c"), credentials: folder.path().join("d/k") };
        assert!(!files.has("local").unwrap());
        files.write("local", &[("region", "us-east-1")], &[("aws_access_key_id", "AKIA")]).unwrap();
        assert!(files.has("local").unwrap() && !files.has("loca").unwrap());
        assert_eq!(std::fs::read_to_string(&files.config).unwrap(), "[profile local]\nregion = us-east-1\n");
        assert_eq!(std::fs::read_to_string(&files.credentials).unwrap(), "[local]\naws_access_key_id = AKIA\n");
    }

    #[test]
    fn names() {
        for good in ["local", "a.b-c_d/e@f+1"] {
            assert!(check_name(good).is_ok());
        }
        for bad in ["", "a b", "a]", "a\nb", "ä"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
