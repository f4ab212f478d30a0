//! Setting and unsetting variables, in the words of each shell.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// For whom the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh and other POSIX shells
    #[value(alias = "bash", alias = "zsh")]
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// A JSON object; null for what has to be unset
    Json,
    /// Lines for $GITHUB_ENV
    Github,
}

/// A variable and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The name.
    pub(crate) name: &'static str,
    /// The value; none for one that has to go.
    pub(crate) value: Option<String>,
}

impl Variable {
    /// One that is set.
    pub(crate) fn set(name: &'static str, value: impl Into<String>) -> Variable {
        Variable { name, value: Some(value.into()) }
    }

    /// One that has to go.
    pub(crate) fn unset(name: &'static str) -> Variable {
        Variable { name, value: None }
    }
}

/// The text for the shell.
pub(crate) fn render(shell: Shell, variables: &[Variable]) -> String {
    if shell == Shell::Json {
        let object: Map<String, Value> =
            variables.iter().map(|v| (v.name.to_owned(), v.value.clone().map_or(Value::Null, Value::from))).collect();
        return format!("{:#}\n", Value::Object(object));
    }
    let mut text = String::new();
    for Variable { name, value } in variables {
        // Writing to a string never fails.
        let _ = match (shell, value) {
            (Shell::Sh | Shell::Json, Some(value)) => writeln!(text, "export {name}={}", posix(value)),
            (Shell::Sh | Shell::Json, None) => writeln!(text, "unset {name}"),
            (Shell::Fish, Some(value)) => writeln!(text, "set -gx {name} {}", fish(value)),
            (Shell::Fish, None) => writeln!(text, "set -e {name}"),
            (Shell::Powershell, Some(value)) => writeln!(text, "$Env:{name} = '{}'", value.replace('\'', "''")),
            (Shell::Powershell, None) => {
                writeln!(text, "Remove-Item Env:{name} -ErrorAction SilentlyContinue")
            }
            (Shell::Github, Some(value)) => writeln!(text, "{name}={value}"),
            // The file knows no way to unset; whoever prints it names those that are set.
            (Shell::Github, None) => Ok(()),
        };
    }
    text
}

fn is_safe(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:,@+=".contains(c))
}

fn posix(value: &str) -> String {
    if is_safe(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

fn fish(value: &str) -> String {
    if is_safe(value) { value.to_owned() } else { format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Vec<Variable> {
        vec![Variable::set("A", "http://127.0.0.1:4780"), Variable::set("B", r"it's a\b *"), Variable::unset("C")]
    }

    #[test]
    fn each_shell() {
        let text = |shell| render(shell, &variables());
        assert_eq!(text(Shell::Sh), "export A=http://127.0.0.1:4780\nexport B='it'\\''s a\\b *'\nunset C\n");
        assert_eq!(text(Shell::Fish), "set -gx A http://127.0.0.1:4780\nset -gx B 'it\\'s a\\\\b *'\nset -e C\n");
        assert_eq!(
            text(Shell::Powershell),
            "$Env:A = 'http://127.0.0.1:4780'\n$Env:B = 'it''s a\\b *'\nRemove-Item Env:C -ErrorAction SilentlyContinue\n"
        );
        assert_eq!(text(Shell::Github), "A=http://127.0.0.1:4780\nB=it's a\\b *\n");
        let json: Value = serde_json::from_str(&text(Shell::Json)).unwrap();
        assert_eq!(json, serde_json::json!({"A": "http://127.0.0.1:4780", "B": "it's a\\b *", "C": null}));
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_reads_it_back() {
        let script = format!(
            "C=x; export C; {}printf '%s|%s|%s' \"$A\" \"$B\" \"${{C-gone}}\"",
            render(Shell::Sh, &variables())
        );
        let done = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&done.stdout), r"http://127.0.0.1:4780|it's a\b *|gone");
    }
}
