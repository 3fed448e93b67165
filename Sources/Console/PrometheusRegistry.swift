public import CoreMetrics
private import Synchronization

/// Keeps the figures that the program counts and writes them in Prometheus' text format.
///
/// A backend of swift-metrics. Recording is a few atomic additions; names, labels and their help are
/// looked up only when a metric is made. Series that are equal in name and labels share one cell.
/// Counters and meters that are destroyed are gone; others stay: their labels must come from small fixed sets.
///
/// Timers become histograms in seconds, recorders summaries (sum and count), meters and gauges gauges.
/// Source: prometheus.io, "Exposition formats", text format 0.0.4.
public final class PrometheusRegistry: MetricsFactory, Sendable {
  private struct State {
    var families: [String: Family] = [:]
  }

  private struct Family {
    var kind: Kind
    var series: [String: any Series] = [:]
  }

  enum Kind: String {
    case counter, gauge, histogram, summary
  }

  private let state = Mutex(State())
  private let help: [String: String]

  /// - Parameter help: A sentence for each name, without line feeds; names without one have none.
  public init(help: [String: String] = [:]) { self.help = help }

  /// All series, families and labels in alphabetical order.
  ///
  /// - Parameter extra: Families that are read at the moment of asking, such as those of the process.
  public func text(adding extra: String = "") -> String {
    let families = state.withLock { $0.families }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      if let sentence = help[name] { text += "# HELP \(name) \(sentence)\n" }
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name: name, labels: labels, to: &text)
      }
    }
    return text + extra
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, .counter) { CounterCell() }
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter) { FloatingPointCounterCell() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge) { GaugeCell() }
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else { return series(label, dimensions, .gauge) { GaugeCell() } }
    return series(label, dimensions, .summary) { SummaryCell() }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, .histogram) { HistogramCell() }
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func remove(_ handler: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        var rest = family
        rest.series = family.series.filter { $0.value !== handler }
        guard rest.series.count < family.series.count else { continue }
        state.families[name] = rest.series.isEmpty ? nil : rest
      }
    }
  }

  /// The cell of a series, made if it is new.
  ///
  /// A name that is already there as another kind gets a cell that nobody reads: a mistake in a metric
  /// must not stop the server.
  private func series<Cell: Series>(
    _ label: String, _ dimensions: [(String, String)], _ kind: Kind, _ make: () -> Cell
  ) -> Cell {
    let name = PrometheusText.name(label)
    let labels = PrometheusText.labels(dimensions)
    return state.withLock { state in
      var family = state.families[name] ?? Family(kind: kind)
      guard family.kind == kind else { return make() }
      if let cell = family.series[labels] { return cell as? Cell ?? make() }
      let cell = make()
      family.series[labels] = cell
      state.families[name] = family
      return cell
    }
  }
}

/// One line or a few of the output.
protocol Series: AnyObject, Sendable {
  /// - Parameter labels: As `PrometheusText.labels` writes them, without braces.
  func write(name: String, labels: String, to text: inout String)
}

/// Names and labels as the text format allows them.
enum PrometheusText {
  static func name(_ label: String) -> String {
    var name = ""
    for byte in label.utf8 {
      let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      let isDigit = (0x30...0x39).contains(byte)
      if isDigit && name.isEmpty { name += "_" }
      name.unicodeScalars.append(isLetter || isDigit || byte == 0x3A ? Unicode.Scalar(byte) : "_")
    }
    return name.isEmpty ? "_" : name
  }

  static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.sorted { $0.0 < $1.0 }
      .map { "\(name($0.0))=\"\(escaped($0.1))\"" }
      .joined(separator: ",")
  }

  /// `name{labels} value` and a line feed; `extra` is one more label.
  static func line(_ name: String, _ labels: String, extra: String = "", _ value: String) -> String
  {
    let all = labels.isEmpty || extra.isEmpty ? labels + extra : "\(labels),\(extra)"
    return all.isEmpty ? "\(name) \(value)\n" : "\(name){\(all)} \(value)\n"
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value.description
  }

  private static func escaped(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
