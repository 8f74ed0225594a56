//! Which participants of a load are browsers.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use loadgen::{Codec, Feeds, Profile};

#[derive(Clone, Debug, Args)]
pub(crate) struct Browsers {
    /// So many of the participants are real browsers, headless Chromium, in place of simulated ones. Without a profile
    /// everybody sends video then, unless --media says something else
    #[arg(long, value_name = "B")]
    browsers: Option<u32>,
    /// The browser, a path or a name [default: the first Chromium or Chrome on the PATH]
    #[arg(long, value_name = "PATH", env = "ALTHING_CHROMIUM")]
    chromium: Option<PathBuf>,
}

impl Browsers {
    pub(super) fn count(&self, of_profile: u32) -> u32 {
        self.browsers.unwrap_or(of_profile)
    }

    /// What everybody sends where nobody says: browsers are there to see something.
    pub(super) fn feeds(&self) -> Option<Feeds> {
        (self.count(0) > 0).then(Feeds::default)
    }

    /// # Errors
    /// They would not understand what the others send.
    pub(super) fn of(&self, profile: &Profile) -> anyhow::Result<loadgen::Browsers> {
        let is_decodable = |feeds: &Feeds| feeds.video.is_empty() || feeds.codec == Codec::Vp8;
        ensure!(
            profile.browsers == 0 || profile.media.as_ref().is_none_or(is_decodable),
            "--browsers goes with --codec vp8: in other codecs simulated participants send what no browser can decode"
        );
        Ok(loadgen::Browsers { count: profile.browsers, program: self.chromium.clone() })
    }
}
