//! Does a frame match a pattern?

use xmpp::Element;

/// Puts stanzas without namespace into that of clients.
pub(super) fn with_namespace(xml: &str) -> String {
    let head = xml.split('>').next().unwrap_or_default();
    if !xml.starts_with('<') || head.contains("xmlns=") {
        return xml.to_owned();
    }
    let name_end = xml.find([' ', '/', '>']).unwrap_or(xml.len());
    format!("{} xmlns='jabber:client'{}", &xml[..name_end], &xml[name_end..])
}

pub(super) fn check(pattern: &Element, got: &Element) -> Result<(), String> {
    if (pattern.name(), pattern.ns()) != (got.name(), got.ns()) {
        return Err(format!("expected <{} xmlns='{}'>", pattern.name(), pattern.ns()));
    }
    for ((_, name), expected) in pattern.attrs().iter() {
        let name: &str = name;
        let value = got.attr(name);
        match name {
            "without" => {
                if let Some(child) = got.children().find(|child| listed(expected, child.name())) {
                    return Err(format!("it has <{}/>", child.name()));
                }
            }
            "lacks" => {
                if let Some(name) = expected.split(' ').find(|name| got.attr(*name).is_some()) {
                    return Err(format!("it has the attribute {name}"));
                }
            }
            _ if expected == "*" && value.is_some() => {}
            _ if value == Some(expected) => {}
            _ => return Err(format!("expected {name}='{expected}', it is {value:?}")),
        }
    }
    if pattern.children().next().is_none() && !pattern.text().is_empty() && pattern.text() != got.text() {
        return Err(format!("expected the text '{}'", pattern.text()));
    }
    let mut children = got.children();
    for expected in pattern.children() {
        let mut complaint = format!("expected a child <{}>", expected.name());
        let found = children.by_ref().any(|child| match check(expected, child) {
            Ok(()) => true,
            Err(_) if child.name() != expected.name() => false,
            Err(why) => {
                complaint = format!("in <{}>: {why}", child.name());
                false
            }
        });
        if !found {
            return Err(complaint);
        }
    }
    Ok(())
}

fn listed(names: &str, name: &str) -> bool {
    names.split(' ').any(|listed| listed == name)
}
