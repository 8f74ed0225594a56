//! What a page says of the browsers among the participants.

use std::time::Duration;

use super::Escaped;
use super::summary::section;
use crate::browsers::Viewer;
use crate::report::Report;
use crate::units::show_time;

type Tile = (&'static str, String, &'static str);

/// None, where there were none.
pub(super) fn tiles(report: &Report) -> Vec<Tile> {
    if report.browsers.is_empty() {
        return Vec::new();
    }
    let figure = |name: &str| report.figure(&format!("browsers.{name}")).unwrap_or_default();
    let bad_if = |bad: bool| if bad { "bad" } else { "" };
    let (present, all) = (figure("present") as usize, report.browsers.len());
    let first = Duration::from_secs_f64(figure("first_frame.p95"));
    let mut tiles = vec![("browsers in", format!("{present} of {all}"), bad_if(present < all))];
    if figure("streams") > 0.0 {
        tiles.push(("first picture, p95", show_time(first), ""));
        tiles.push(("frames a second", format!("{:.1}", figure("fps")), ""));
        tiles.push(("picture frozen", percent(figure("frozen")), ""));
    }
    tiles
}

pub(super) fn one_by_one(report: &Report) -> String {
    let rows: String = report.browsers.iter().zip(1..).map(row).collect();
    let head = [
        "browser",
        "#to its room",
        "#to a picture",
        "#streams",
        "#frames",
        "#a second of each",
        "#freezes",
        "#frozen",
        "#packets lost",
        "#reloads",
    ];
    let title = format!("Browsers · {}", Escaped(&report.browser));
    section(&title, &head, &rows)
}

fn row((viewer, number): (&Viewer, u32)) -> String {
    let time = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), show_time);
    let cells = [
        time(viewer.join),
        time(viewer.first_frame),
        viewer.streams.to_string(),
        viewer.frames.to_string(),
        format!("{:.1}", viewer.fps),
        viewer.freezes.to_string(),
        percent(viewer.frozen),
        percent(viewer.loss),
        viewer.reloads.to_string(),
    ];
    let cells: String = cells.iter().map(|cell| format!("<td class=\"number\">{cell}</td>")).collect();
    let fault = viewer.fault.as_ref().map(|fault| format!("<small>{}</small>", Escaped(fault)));
    format!("<tr><td>{number} in {}{}</td>{cells}</tr>\n", Escaped(&viewer.room), fault.unwrap_or_default())
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_browsers_says_nothing_of_them() {
        assert_eq!((tiles(&Report::empty()), one_by_one(&Report::empty())), (Vec::new(), String::new()));
    }

    #[test]
    fn each_browser_has_its_row_and_its_fault() {
        let seeing = Viewer {
            room: "load-1".to_owned(),
            join: Some(Duration::from_millis(850)),
            frames: 250,
            frozen: 0.0123,
            ..Viewer::default()
        };
        let failed = Viewer { fault: Some("it <died>".to_owned()), ..Viewer::default() };
        let mut report = Report::empty();
        report.browsers = vec![seeing, failed];
        let html = one_by_one(&report);
        for part in
            ["1 in load-1<", ">850 ms<", ">never<", ">250<", ">1.23 %<", "<small>it &lt;died&gt;</small>"]
        {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert_eq!(tiles(&report)[0], ("browsers in", "0 of 2".to_owned(), "bad"));
    }
}
