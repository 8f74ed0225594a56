//! What is said of media at the end of a load.

use loadgen::Report;

/// How late the load's own threads may be before their lateness is what is measured.
const LAG_MAX_S: f64 = 0.020;

/// Nothing, where there were none.
pub(super) fn summary(report: &Report) -> String {
    let figure = |name: &str| report.figure(name).unwrap_or_default();
    if figure("media.sessions") == 0.0 {
        return report
            .no_socket
            .as_ref()
            .map_or_else(String::new, |why| format!("media    no socket: {why}\n"));
    }
    let mut text = format!(
        "media    {} sessions, {} failed; {} streams received, {} missing, {} interruptions\n",
        figure("media.sessions"),
        figure("media.failures"),
        figure("media.streams"),
        figure("media.missing"),
        figure("media.interruptions"),
    );
    text.push_str(&format!(
        "packets  {} sent, {} received, {} lost ({:.3} %), {} late, {} doubled\n",
        figure("media.sent"),
        figure("media.received"),
        figure("media.lost"),
        figure("media.loss") * 100.0,
        figure("media.late"),
        figure("media.doubled"),
    ));
    let packets: u64 = report.heights.values().sum();
    if packets > 0 {
        let shares =
            report.heights.iter().map(|(height, of_it)| format!("{height}p {} %", of_it * 100 / packets));
        text.push_str(&format!(
            "video    {}; {} key frames asked for, {} sent\n",
            shares.collect::<Vec<_>>().join(", "),
            figure("media.keys.asked"),
            figure("media.keys.sent"),
        ));
    }
    text.push_str(&channels(report));
    if figure("media.lag.p99") > LAG_MAX_S {
        text.push_str(
            "warning  this machine is too slow for its own load: see media.lag; loss and delay are its own\n",
        );
    }
    text
}

/// Nothing, where the bridge was spoken to over data channels.
fn channels(report: &Report) -> String {
    let [opened, lost] =
        ["media.websockets", "media.websockets.lost"].map(|name| report.figure(name).unwrap_or_default());
    match &report.channel_lost {
        Some(how) => {
            format!(
                "channels {opened} WebSockets to bridges opened, {lost} lost, the first because it {how}\n"
            )
        }
        None if opened > 0.0 => format!("channels {opened} WebSockets to bridges opened, 0 lost\n"),
        None => String::new(),
    }
}
