//! A plot as SVG text: milliseconds over numbers of records, both on logarithmic axes.

use std::fmt::Write as _;

/// One line of a plot.
pub(crate) struct Line {
    pub(crate) name: String,
    /// Records, and milliseconds.
    pub(crate) points: Vec<(f64, f64)>,
}

const PANEL_WIDTH: f64 = 330.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 55.0;
const TOP: f64 = 40.0;
const LEGEND_WIDTH: f64 = 215.0;
const COLORS: [&str; 9] =
    ["#1b6ca8", "#7fb3d5", "#b03a2e", "#1e8449", "#7d6608", "#7d3c98", "#e67e22", "#d4347c", "#566573"];

/// Panels side by side, with the same axes and names of lines.
pub(crate) fn svg(title: &str, panels: &[(String, Vec<Line>)]) -> String {
    let points = || panels.iter().flat_map(|(_, lines)| lines).flat_map(|line| line.points.iter().copied());
    let bound = |values: &mut dyn Iterator<Item = f64>| {
        let (least, most) =
            values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0))
    };
    let (x, y) = (bound(&mut points().map(|point| point.0)), bound(&mut points().map(|point| point.1)));
    let width = LEFT + panels.len() as f64 * (PANEL_WIDTH + LEFT) + LEGEND_WIDTH;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {:.0}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\">{title}</text>\n",
        TOP + HEIGHT + 45.0
    );
    for (number, (name, lines)) in panels.iter().enumerate() {
        let left = LEFT + number as f64 * (PANEL_WIDTH + LEFT);
        let across = |value: f64| left + (value.log10() - x.0) / (x.1 - x.0) * PANEL_WIDTH;
        let down = |value: f64| TOP + HEIGHT - (value.log10() - y.0) / (y.1 - y.0) * HEIGHT;
        let _ = writeln!(text, "<text x=\"{left}\" y=\"{}\">{name}</text>", TOP - 6.0);
        let mut power = x.0;
        while power <= x.1 {
            let at = across(10_f64.powf(power));
            let _ = writeln!(
                text,
                "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">10<tspan dy=\"-4\" font-size=\"8\">{power:.0}</tspan></text>",
                TOP + HEIGHT,
                TOP + HEIGHT + 16.0
            );
            power += 1.0;
        }
        power = y.0;
        while power <= y.1 {
            let (at, label) = (down(10_f64.powf(power)), 10_f64.powf(power));
            let _ = writeln!(
                text,
                "<path d=\"M{left:.1} {at:.1}h{PANEL_WIDTH}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{label} ms</text>",
                left - 4.0,
                at + 4.0
            );
            power += 1.0;
        }
        for (line, color) in lines.iter().zip(COLORS) {
            let path: Vec<_> =
                line.points.iter().map(|(x, y)| format!("{:.1} {:.1}", across(*x), down(*y))).collect();
            let _ = writeln!(
                text,
                "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                path.join("L")
            );
            for (x, y) in &line.points {
                let _ = writeln!(
                    text,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"/>",
                    across(*x),
                    down(*y)
                );
            }
        }
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">records in the store</text>",
            left + PANEL_WIDTH / 2.0,
            TOP + HEIGHT + 34.0
        );
    }
    let legend = LEFT + panels.len() as f64 * (PANEL_WIDTH + LEFT) - 30.0;
    for (number, (line, color)) in
        panels.first().map_or(&[][..], |(_, lines)| lines).iter().zip(COLORS).enumerate()
    {
        let at = TOP + 10.0 + number as f64 * 18.0;
        let _ = writeln!(
            text,
            "<path d=\"M{legend:.1} {at:.1}h18\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            legend + 24.0,
            at + 4.0,
            line.name
        );
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_within_their_panel() {
        let line = Line { name: "read".into(), points: vec![(1e5, 0.3), (1e6, 4.0)] };
        let text = svg("p50", &[("SQLite".into(), vec![line])]);
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        // A fifth of a decade below the top, and half a decade above the bottom.
        assert!(text.contains("<circle cx=\"55.0\""), "{text}");
        assert!(text.contains("<circle cx=\"385.0\""), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }
}
