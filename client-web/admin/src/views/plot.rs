//! A number over time, as a picture.

use dioxus::prelude::*;
use hearth_client_design::{
    page,
    words::{Value, t, tv},
};
use hearth_client_state::{admin::chart, when::DAY};

/// Where the line is, in units of the picture; beside and below it stand numbers and times.
const WIDTH: f64 = 540.0;
const HEIGHT: f64 = 148.0;
/// The numbers at the side go up to this at least: with less they would be parts of a person or a message.
const LEAST: f64 = 4.0;

/// Points of a time in milliseconds and a value.
#[component]
pub fn Plot(
    title: String,
    unit: String,
    points: Vec<(f64, f64)>,
    /// Beginning and end of what is shown, and how far two points may be apart.
    time: (f64, f64, f64),
) -> Element {
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let ticks = chart::ticks(highest.max(LEAST));
    let top = ticks.last().copied().unwrap_or(1.0);
    let (begin, end, _) = time;
    let size = (WIDTH, HEIGHT);
    let label = |at: f64| {
        if end - begin > 2.0 * DAY as f64 { page::short(at as i64) } else { page::time(at as i64) }
    };
    let times: Vec<(f64, String, &str)> = (0..4)
        .map(|quarter| {
            let share = f64::from(quarter) / 4.0;
            let anchor = if quarter == 0 { "start" } else { "middle" };
            (share * WIDTH, label(begin + (end - begin) * share), anchor)
        })
        .chain([(WIDTH, t("now"), "end")])
        .collect();
    let last = points.last().copied();
    let spoken = tv(
        "plot-spoken",
        [
            ("what", Value::from(title.as_str())),
            ("highest", page::number(highest).into()),
            ("last", page::number(last.map_or(0.0, |last| last.1)).into()),
        ],
    );
    rsx! {
        section { class: "chart",
            header {
                h2 { "{title}" }
                small { "{unit}" }
            }
            if points.is_empty() {
                p { class: "muted chart__none", {t("not-measured")} }
            } else {
                svg { class: "plot", view_box: "-48 -8 {WIDTH + 56.0} {HEIGHT + 34.0}", role: "img", "aria-label": "{spoken}",
                    for tick in ticks {
                        g { key: "{tick}",
                            path { class: "gridline", d: "M0 {HEIGHT - tick / top * HEIGHT}h{WIDTH}" }
                            text { x: "-8", y: "{HEIGHT - tick / top * HEIGHT + 4.0}", text_anchor: "end", {page::number(tick)} }
                        }
                    }
                    for (x, label, anchor) in times {
                        text { key: "{x}", x: "{x}", y: "{HEIGHT + 22.0}", text_anchor: anchor, "{label}" }
                    }
                    path { class: "area", d: chart::area(&points, time, top, size) }
                    path { class: "line", d: chart::line(&points, time, top, size) }
                    if let Some((x, y)) = last.map(|last| chart::spot(last, time, top, size)) {
                        circle { class: "plot__last", cx: "{x}", cy: "{y}", r: "4" }
                    }
                }
            }
        }
    }
}
