//! The profiles that come along, shown.

use anyhow::Context as _;
use loadgen::{BUILT_IN, Profile};

use crate::print;

/// One a line, and how to make another one.
pub(crate) fn list() -> String {
    let row = |(name, text): (&str, &str)| {
        let profile = Profile::parse(text).ok()?;
        let media = if profile.media.is_some() { "media" } else { "signalling" };
        Some(vec![name.to_owned(), media.to_owned(), profile.about])
    };
    let rows: Vec<Vec<String>> = BUILT_IN.into_iter().filter_map(row).collect();
    let table = print::table(&["PROFILE", "SENDS", "WHAT"], &rows);
    format!(
        "{table}\nOne of your own: althing load --show-profile meeting > mine.toml, edit it, and --profile ./mine.toml\n"
    )
}

/// # Errors
/// There is none of that name.
pub(crate) fn text(name: &str) -> anyhow::Result<&'static str> {
    let found = BUILT_IN.into_iter().find(|(built_in, _)| *built_in == name);
    found.map(|(_, text)| text).with_context(|| {
        let names: Vec<&str> = BUILT_IN.into_iter().map(|(name, _)| name).collect();
        format!("there is no profile {name:?}: there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_listed_and_can_be_printed() {
        let list = list();
        for (name, _) in BUILT_IN {
            assert!(list.contains(name), "{list}");
            assert!(text(name).unwrap().contains("about ="));
        }
        assert!(format!("{:#}", text("x").unwrap_err()).contains("townhall"));
    }
}
