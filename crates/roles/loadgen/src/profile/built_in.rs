//! The profiles that come along.

/// Names and texts, in the order in which they are listed.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("meeting", include_str!("../../profiles/meeting.toml")),
    ("townhall", include_str!("../../profiles/townhall.toml")),
    ("allhands", include_str!("../../profiles/allhands.toml")),
    ("screenshare", include_str!("../../profiles/screenshare.toml")),
    ("churn", include_str!("../../profiles/churn.toml")),
    ("joinstorm", include_str!("../../profiles/joinstorm.toml")),
    ("reconnectstorm", include_str!("../../profiles/reconnectstorm.toml")),
];

#[cfg(test)]
mod tests {
    use crate::Profile;

    #[test]
    fn each_is_a_profile_that_tells_what_it_is() {
        for (name, text) in super::BUILT_IN {
            let profile = Profile::parse(text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert!(!profile.about.is_empty() && profile.about.len() < 80, "{name}");
            assert!(!profile.fail_if.is_empty(), "{name}");
        }
    }
}
