//! Media sources and their groups (XEP-0339 with Jitsi's names, video types and owners).

use super::rtp::Kind;

/// One synchronisation source as a client signals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub ssrc: u32,
    /// source name, `<endpoint>-a0`, `<endpoint>-v0`, ...
    pub name: Option<String>,
    pub msid: Option<String>,
    pub video_type: Option<VideoType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoType {
    Camera,
    Desktop,
    DesktopHighFps,
    None,
}

/// `<ssrc-group/>`: the members' order is low to high for `Sim`, primary and repair for `Fid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsrcGroup {
    pub semantics: Semantics,
    pub ssrcs: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Semantics {
    Fid,
    Sim,
    FecFr,
}

/// All sources of one media of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSources {
    pub kind: Kind,
    pub sources: Vec<Source>,
    pub groups: Vec<SsrcGroup>,
}
