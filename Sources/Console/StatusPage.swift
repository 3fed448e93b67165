/// The page at `/`: what a person wants to know at a glance, without a script in it.
enum StatusPage {
  static func html(_ status: ServerStatus) -> String {
    let rows = status.lines
      .map { "<tr><th>\(escaped($0.name))</th><td>\(escaped($0.value))</td></tr>" }
      .joined(separator: "\n")
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Hyprstream</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 42rem; padding: 0 1rem }
      table { border-collapse: collapse; width: 100% }
      th { text-align: left; font-weight: 500; width: 14rem }
      th, td { border-bottom: 1px solid #ddd; padding: .35rem 0 }
      </style></head><body>
      <h1>Hyprstream</h1>
      <p>\(status.isReady ? "Ready." : "Stopping: running calls are finished, new ones refused.")
      <a href="/metrics">Metrics</a> · <a href="/health">Health</a></p>
      <table>
      \(rows)
      </table>
      </body></html>

      """
  }

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
