//! What a server tells Prometheus of itself (the text format, version 0.0.4).

use anyhow::{Context as _, bail};
use hyper::{Method, Uri};

use super::Reading;
use crate::dial::Dialer;
use crate::http;

pub(super) async fn read(dialer: &Dialer, url: &Uri) -> anyhow::Result<Reading> {
    match http::ask(dialer, url, Method::GET, None, String::new()).await {
        Ok((200, text)) => parse(&text),
        Ok((status, _)) => bail!("{url} answers with HTTP status {status}"),
        Err(closing) => bail!("the connection to {url} {closing}"),
    }
}

fn parse(text: &str) -> anyhow::Result<Reading> {
    let value = |name| sum(text, name).with_context(|| format!("there is no {name} in the metrics"));
    Ok(Reading {
        cpu_seconds: value("process_cpu_seconds_total")?,
        memory_bytes: value("process_resident_memory_bytes")? as u64,
    })
}

/// Of all that have the name, whatever their labels.
fn sum(text: &str, name: &str) -> Option<f64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        rest.split_whitespace().next()?.parse::<f64>().ok().filter(|value| value.is_finite())
    };
    text.lines().filter_map(value).reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_with_labels_and_without() {
        let text = "# HELP process_cpu_seconds_total x\nprocess_cpu_seconds_total 12.5\n\
                    process_cpu_seconds_total_other 7\nprocess_resident_memory_bytes{a=\"}\"} 1.5e6 1700000000\n\
                    process_resident_memory_bytes{a=\"b\"} 5e5\n";
        assert_eq!(parse(text).unwrap(), Reading { cpu_seconds: 12.5, memory_bytes: 2_000_000 });
    }

    #[test]
    fn what_is_not_told_is_an_error() {
        let error = parse("process_cpu_seconds_total 1\nprocess_resident_memory_bytes NaN\n").unwrap_err();
        assert!(error.to_string().contains("process_resident_memory_bytes"), "{error}");
    }
}
