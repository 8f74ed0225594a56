//! Who may import whom: words, then machines, then roles; kit for roles only; a role never a role.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::root::{files, root};

/// Every crate of ours, and which of ours it may use. A new crate gets a line here, with a thought.
const MAY_USE: &[(&str, &[&str])] = &[
    // words
    ("xmpp", &[]),
    ("colibri", &["xmpp"]),
    // machines
    ("meeting", &["xmpp", "colibri"]),
    ("participant", &["xmpp"]),
    ("placement", &[]),
    ("sfu", &["xmpp", "colibri"]),
    // kit
    ("service", &[]),
    ("journal", &[]),
    // roles
    ("router", &["service", "journal", "placement", "xmpp"]),
    ("shard", &["service", "journal", "meeting", "placement", "xmpp", "colibri"]),
    ("bridge", &["service", "journal", "sfu", "xmpp", "colibri"]),
    // any server is as good as ours to it
    ("loadgen", &["service", "participant"]),
    // every machine, and of kit the journal's double
    ("sim", &["journal", "meeting", "placement", "xmpp", "colibri"]),
    // the binary, and the workshop
    // it hands the machine's settings to the shard and its summaries to operators
    ("althing", &["service", "journal", "router", "shard", "bridge", "meeting", "loadgen"]),
    ("xtask", &[]),
];

/// Crates that bring a runtime, a socket, a file or a clock: not for words and machines, in tests neither.
const NOT_PURE: &[&str] = &[
    "async-std",
    "axum",
    "figment",
    "hyper",
    "hyper-util",
    "mio",
    "quinn-udp",
    "rand",
    "redb",
    "reqwest",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tokio-tungstenite",
    "tokio-util",
    "tokio-xmpp",
    "tracing-subscriber",
];

pub(crate) fn breaches() -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for path in files()? {
        let inside = path.starts_with("crates") || path.starts_with("xtask");
        if inside && path.file_name().is_some_and(|name| name == "Cargo.toml") {
            let text = std::fs::read_to_string(root().join(&path))?;
            let manifest = text.parse().with_context(|| format!("{} is no manifest", path.display()))?;
            check(&path, &manifest, &mut breaches);
        }
    }
    Ok(breaches)
}

fn check(path: &Path, manifest: &toml::Table, breaches: &mut Vec<String>) {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let Some((name, may_use)) = name.and_then(|name| table.get(name).map(|may_use| (name, *may_use))) else {
        breaches
            .push(format!("{}: this crate is not in the table of xtask/src/tidy/imports.rs", path.display()));
        return;
    };
    let pure = path.starts_with("crates/words") || path.starts_with("crates/machines");
    for (section, dependency) in dependencies(manifest) {
        let ours = table.contains_key(dependency);
        let allowed_in_tests = section == "dev-dependencies" && !is_role(dependency);
        if ours && !may_use.contains(&dependency) && !allowed_in_tests {
            breaches.push(format!(
                "{name} may not use {dependency} ({section}): see ARCHITECTURE.md, who imports whom"
            ));
        }
        if pure && NOT_PURE.contains(&dependency) {
            breaches.push(format!(
                "{name} may not use {dependency} ({section}): it has no runtime, clock or socket"
            ));
        }
    }
}

fn dependencies(manifest: &toml::Table) -> impl Iterator<Item = (&'static str, &str)> {
    ["dependencies", "dev-dependencies", "build-dependencies"].into_iter().flat_map(|section| {
        let table = manifest.get(section).and_then(toml::Value::as_table);
        table.into_iter().flat_map(move |table| table.keys().map(move |name| (section, name.as_str())))
    })
}

fn is_role(name: &str) -> bool {
    ["router", "shard", "bridge"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_manifest(path: &str, text: &str) -> Vec<String> {
        let mut breaches = Vec::new();
        check(Path::new(path), &text.parse().unwrap(), &mut breaches);
        breaches
    }

    #[test]
    fn lets_a_role_use_its_machine() {
        let text =
            "[package]\nname = \"bridge\"\n[dependencies]\nsfu.workspace = true\ntokio.workspace = true\n";
        assert_eq!(check_manifest("crates/roles/bridge/Cargo.toml", text), Vec::<String>::new());
    }

    #[test]
    fn refuses_a_role_in_a_role_even_in_tests() {
        let text = "[package]\nname = \"bridge\"\n[dev-dependencies]\nshard.workspace = true\n";
        let breaches = check_manifest("crates/roles/bridge/Cargo.toml", text);
        assert_eq!(breaches.len(), 1);
        assert!(breaches[0].starts_with("bridge may not use shard (dev-dependencies)"), "{breaches:?}");
    }

    #[test]
    fn refuses_a_runtime_in_a_machine() {
        let text = "[package]\nname = \"meeting\"\n[dependencies]\ntokio = \"1\"\n";
        assert_eq!(check_manifest("crates/machines/meeting/Cargo.toml", text).len(), 1);
    }

    #[test]
    fn refuses_a_crate_that_nobody_placed() {
        assert_eq!(check_manifest("crates/new/Cargo.toml", "[package]\nname = \"new\"\n").len(), 1);
    }
}
