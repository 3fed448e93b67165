/// The page at `/`: what a person wants to know at a glance. No script is in it; the browser asks
/// again every five seconds.
enum StatusPage {
  static func html(_ status: ServerStatus) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>Hyprstream</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="refresh" content="5">
    <style>
    \(style)</style></head><body>
    <header><h1>Hyprstream</h1>\(badge(status.isReady))
    <nav><a href="/health">Health</a><a href="/metrics">Metrics</a></nav></header>
    <section class="figures">
    \(status.figures.map(figure).joined(separator: "\n"))
    </section>
    <h2>Server</h2>
    <table>
    \(status.lines.map(line).joined(separator: "\n"))
    </table>
    <h2>Connect</h2>
    <p>From a terminal</p>
    <pre>hyprstream sql --url \(escaped(status.address))</pre>
    <p>From Python, with <code>pip install adbc-driver-flightsql pyarrow</code></p>
    <pre>import adbc_driver_flightsql.dbapi

    connection = adbc_driver_flightsql.dbapi.connect("\(escaped(status.address))")
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM metrics_5m")
    print(cursor.fetch_arrow_table())</pre>
    </body></html>

    """
  }

  private static func badge(_ isReady: Bool) -> String {
    isReady
      ? "<span class=\"badge ready\">ready</span>"
      : "<span class=\"badge\">stopping: running calls are finished, new ones refused</span>"
  }

  private static func figure(_ figure: ServerStatus.Figure) -> String {
    "<div><span>\(escaped(figure.name))</span><b>\(escaped(figure.value))</b>"
      + "<small>\(escaped(figure.note))</small></div>"
  }

  private static func line(_ line: ServerStatus.Line) -> String {
    "<tr><th scope=\"row\">\(escaped(line.name))</th><td>\(escaped(line.value))</td></tr>"
  }

  private static let style = """
    :root { color-scheme: light dark; --text: #1c2330; --dim: #667085; --line: #e3e6ec;
      --page: #f6f7f9; --card: #fff; --accent: #1f6feb; --good: #17803d; --warn: #b54708 }
    @media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --dim: #98a2b3; --line: #2b3240;
      --page: #10141b; --card: #181e27; --accent: #6ea8fe; --good: #4ac26b; --warn: #f5a524 } }
    body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
      margin: 0 auto; max-width: 58rem; padding: 2.5rem 1.25rem }
    header { display: flex; align-items: center; gap: .9rem; margin-bottom: 1.5rem }
    h1 { font-size: 1.5rem; margin: 0 }
    h2 { font-size: 1rem; margin: 2rem 0 .5rem }
    nav { margin-left: auto; display: flex; gap: 1.1rem }
    a { color: var(--accent); text-decoration: none }
    a:hover { text-decoration: underline }
    .badge { color: var(--warn); border: 1px solid; border-radius: 1rem; padding: 0 .65rem;
      font-size: .85rem }
    .ready { color: var(--good) }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem }
    .figures div, table, pre { background: var(--card); border: 1px solid var(--line);
      border-radius: .5rem }
    .figures div { padding: .8rem 1rem }
    .figures span, small, p { color: var(--dim); font-size: .85rem }
    .figures b { display: block; font-size: 1.3rem; font-weight: 600;
      font-variant-numeric: tabular-nums }
    table { border-spacing: 0; width: 100% }
    th { text-align: left; font-weight: 400; color: var(--dim); width: 10rem }
    th, td { padding: .45rem 1rem; overflow-wrap: anywhere }
    tr + tr > * { border-top: 1px solid var(--line) }
    p { margin: .9rem 0 .35rem }
    pre { margin: 0; padding: .7rem 1rem; overflow-x: auto }
    pre, code { font: 13px/1.5 ui-monospace, monospace }

    """

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
