//! `/config.js` as people write it: a script, of which only the assignments of plain text are understood.

/// The text that the script gives `key`, as `key: 'text'`, `"key": "text"` or `config.hosts.key = 'text'`; the first that
/// is no comment. COMPAT: docker-jitsi-meet writes `'muc.' + subdomain + 'meet.example'`; the subdomain is that of a
/// tenant, and empty without one.
pub(crate) fn text_of(script: &str, key: &str) -> Option<String> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.into_iter().find_map(|line| text_in(line, key))
}

/// Whether the script sets `key` to `true`.
pub(crate) fn is_true(script: &str, key: &str) -> bool {
    is(script, key, "true")
}

pub(crate) fn is_false(script: &str, key: &str) -> bool {
    is(script, key, "false")
}

fn is(script: &str, key: &str, word: &str) -> bool {
    let mut lines = script.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.any(|line| value_in(line, key).any(|value| value.trim_start().starts_with(word)))
}

fn text_in(line: &str, key: &str) -> Option<String> {
    value_in(line, key).find_map(text)
}

/// What follows the key and its colon or sign, at each place that has both.
fn value_in<'a>(line: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    line.match_indices(key).filter_map(move |(at, key)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if line[..at].chars().next_back().is_some_and(is_word) {
            return None;
        }
        let rest = &line[at + key.len()..];
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
        rest.strip_prefix([':', '='])
    })
}

/// Quoted parts, and names that stand for nothing, joined by `+`.
fn text(expression: &str) -> Option<String> {
    let mut rest = expression.trim_start();
    let mut whole = String::new();
    let mut quoted = false;
    loop {
        match rest.chars().next().filter(|c| ['"', '\''].contains(c)) {
            Some(quote) => {
                let (part, after) = rest[1..].split_once(quote)?;
                whole.push_str(&without_includes(part));
                (rest, quoted) = (after, true);
            }
            None => {
                let name =
                    rest.find(|c: char| !c.is_alphanumeric() && !"_$.".contains(c)).unwrap_or(rest.len());
                if name == 0 {
                    return None;
                }
                rest = &rest[name..];
            }
        }
        match rest.trim_start().strip_prefix('+') {
            Some(after) => rest = after.trim_start(),
            None => return (quoted && !whole.is_empty()).then_some(whole),
        }
    }
}

/// COMPAT: server-side includes of the stock file, which a web server that does not know them leaves in.
fn without_includes(text: &str) -> String {
    match text.split_once("<!--").and_then(|(before, rest)| Some((before, rest.split_once("-->")?.1))) {
        Some((before, after)) => format!("{before}{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, key: &str, expected: Option<&str>) {
        assert_eq!(text_of(script, key).as_deref(), expected, "{key} of {script}");
    }

    #[test]
    fn reads_what_servers_write() {
        check(
            "var config = {\n  \"hosts\": {\n    \"domain\": \"meet.internal\",",
            "domain",
            Some("meet.internal"),
        );
        check(
            "    hosts: { domain: 'meet.example', muc: 'conference.meet.example' },",
            "muc",
            Some("conference.meet.example"),
        );
        check("config.hosts.muc = 'muc.' + subdomain + 'meet.example';", "muc", Some("muc.meet.example"));
        check(
            "muc: 'conference.<!--# echo var=\"subdomain\" default=\"\" -->meet.example',",
            "muc",
            Some("conference.meet.example"),
        );
        check(
            "config.websocket = 'wss://meet.example/' + subdir + 'xmpp-websocket';",
            "websocket",
            Some("wss://meet.example/xmpp-websocket"),
        );
    }

    #[test]
    fn a_truth_is_plain() {
        assert!(
            is_true("config.preferBosh = true;", "preferBosh")
                && is_true("{ preferBosh: true, }", "preferBosh")
        );
        assert!(
            !is_true("// preferBosh: true", "preferBosh") && !is_true("preferBosh: 'x' + true", "preferBosh")
        );
    }

    #[test]
    fn what_is_no_plain_text_is_nothing() {
        check("// domain: 'x'\nanonymousdomain: 'guest.example'", "domain", None);
        check("websocket: location.host", "websocket", None);
        check("websocketKeepAliveUrl: 'https://x/_unlock'", "websocket", None);
        check("domain: 'open", "domain", None);
        check("domain:", "domain", None);
        check("domäne: 'ü', domain: 'é'", "domain", Some("é"));
    }
}
