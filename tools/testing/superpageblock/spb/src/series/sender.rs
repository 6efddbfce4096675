// SPDX-License-Identifier: GPL-2.0-only
//! Who sends the series, and what do they vouch for?
//!
//! The stack carries neither sign-off nor disclosure: only a person can give
//! them, so they come from the command line and are never guessed.

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::settings;

/// What the sender gave.
#[derive(Debug, Default, PartialEq)]
pub struct Sender {
    /// `FROM`: author and sender.
    pub from: Option<Address>,
    /// `SIGN`: whether they sign off.
    pub sign: bool,
    /// `ASSISTED_BY`: values of trailers of that name.
    pub assisted_by: Vec<String>,
    /// `TREE_URL`: where the tree can be fetched.
    pub tree_url: Option<String>,
}

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Name.
    pub name: String,
    /// Mail address.
    pub mail: String,
}

impl Sender {
    /// Reads and checks the variables of `make series`.
    pub fn read() -> Result<Self> {
        Self::from_variables(settings::text)
    }

    /// Nobody: what the test uses, whatever is in the environment.
    pub fn nobody() -> Self {
        Self::default()
    }

    fn from_variables(text: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let from = text("FROM").map(|value| address(&value)).transpose()?;
        let sign = match text("SIGN").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => bail!("SIGN={other}: say SIGN=1, or leave it out"),
        };
        if sign && from.is_none() {
            bail!("SIGN=1 needs FROM=\"Name <mail>\": whose sign-off is it?");
        }
        let assisted_by = text("ASSISTED_BY").unwrap_or_default();
        let assisted_by = assisted_by
            .split(';')
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(assistant)
            .collect::<Result<_>>()?;
        let tree_url = text("TREE_URL").map(|value| url(&value)).transpose()?;
        Ok(Self {
            from,
            sign,
            assisted_by,
            tree_url,
        })
    }

    /// Trailers that every commit gets, in order.
    pub fn trailers(&self) -> Vec<String> {
        let mut trailers: Vec<String> = self
            .assisted_by
            .iter()
            .map(|value| format!("Assisted-by: {value}"))
            .collect();
        if let (true, Some(from)) = (self.sign, &self.from) {
            trailers.push(format!("Signed-off-by: {} <{}>", from.name, from.mail));
        }
        trailers
    }

    /// Variables without which the series must not be sent.
    pub fn missing(&self) -> Vec<&'static str> {
        let given = [
            ("FROM", self.from.is_some()),
            ("SIGN", self.sign),
            ("ASSISTED_BY", !self.assisted_by.is_empty()),
        ];
        given
            .iter()
            .filter(|(_, given)| !given)
            .map(|(name, _)| *name)
            .collect()
    }
}

fn address(text: &str) -> Result<Address> {
    let refusal = || format!("FROM={text}: say \"Name <user@host.domain>\"");
    let (name, rest) = text.split_once('<').with_context(refusal)?;
    let mail = rest.strip_suffix('>').with_context(refusal)?;
    let (user, host) = mail.split_once('@').with_context(refusal)?;
    let odd = |part: &str| {
        part.is_empty()
            || part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>@,\"".contains(c))
    };
    let name = name.trim();
    let bad_name =
        name.is_empty() || name.contains(|c: char| c.is_control() || "<>@\"".contains(c));
    let bad_host = odd(host) || !host.contains('.') || host.starts_with('.') || host.ends_with('.');
    if bad_name || odd(user) || bad_host {
        bail!("{}", refusal());
    }
    Ok(Address {
        name: name.to_string(),
        mail: mail.to_string(),
    })
}

/// `AGENT_NAME:MODEL_VERSION [TOOL]…`, as Documentation/process/coding-assistants.rst has it.
fn assistant(text: &str) -> Result<String> {
    let agent = text
        .split_whitespace()
        .next()
        .and_then(|word| word.split_once(':'));
    let good = agent.is_some_and(|(name, model)| !name.is_empty() && !model.is_empty());
    if !good || text.starts_with("Assisted-by:") || text.contains(char::is_control) {
        bail!("ASSISTED_BY={text}: say \"AGENT_NAME:MODEL_VERSION [TOOL]...\", several separated by ';'");
    }
    Ok(text.to_string())
}

fn url(text: &str) -> Result<String> {
    let known = ["https://", "http://", "git://", "ssh://"];
    let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme));
    if rest.is_none_or(|rest| rest.len() < 4) || text.contains(char::is_control) {
        bail!("TREE_URL={text}: say https://host/path, and a branch after a blank if need be");
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(variables: &[(&str, &str)]) -> Result<Sender> {
        Sender::from_variables(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn nothing_given_is_not_ready() {
        let sender = sender(&[]).expect("valid");
        assert_eq!(sender.missing(), ["FROM", "SIGN", "ASSISTED_BY"]);
        assert!(sender.trailers().is_empty());
    }

    #[test]
    fn disclosure_comes_before_the_sign_off() {
        let sender = sender(&[
            ("FROM", "Jane Doe <jane@example.org>"),
            ("SIGN", "1"),
            ("ASSISTED_BY", "Agent:model-1 sparse; Other:2"),
        ])
        .expect("valid");
        assert!(sender.missing().is_empty());
        let trailers = sender.trailers();
        let trailers: Vec<_> = trailers.iter().filter_map(|t| t.split_once(": ")).collect();
        assert_eq!(
            trailers,
            [
                ("Assisted-by", "Agent:model-1 sparse"),
                ("Assisted-by", "Other:2"),
                ("Signed-off-by", "Jane Doe <jane@example.org>"),
            ]
        );
    }

    #[test]
    fn a_sender_who_does_not_sign_is_not_ready() {
        let sender = sender(&[("FROM", "Jane <j@example.org>"), ("ASSISTED_BY", "A:b")]);
        assert_eq!(sender.expect("valid").missing(), ["SIGN"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "jane@example.org",
            "Jane",
            "Jane <jane>",
            "Jane <jane@localhost>",
            "Jane <jane@@example.org>",
            "<jane@example.org>",
            "Jane <jane@example.org> x",
            "Jane <ja ne@example.org>",
            "Jane\nCc: x <jane@example.org>",
        ] {
            let refusal = sender(&[("FROM", bad)]).expect_err(bad);
            assert!(format!("{refusal}").contains("say \"Name <user@host.domain>\""));
        }
    }

    #[test]
    fn a_sign_off_needs_a_person() {
        let refusal = sender(&[("SIGN", "1")]).expect_err("nobody signs");
        assert!(format!("{refusal}").contains("needs FROM"));
        assert!(sender(&[("SIGN", "yes"), ("FROM", "Jane <j@example.org>")]).is_err());
    }

    #[test]
    fn an_assistant_has_a_name_and_a_version() {
        for bad in ["Agent", "Agent:", ":model", "Assisted-by: A:b", "A tool:b"] {
            assert!(sender(&[("ASSISTED_BY", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tree_is_named_by_url() {
        assert!(sender(&[("TREE_URL", "https://example.org/linux.git rfc")]).is_ok());
        assert!(sender(&[("TREE_URL", "example.org")]).is_err());
    }
}
