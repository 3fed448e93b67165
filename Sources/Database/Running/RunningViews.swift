internal import Columnar
internal import SQL

/// The views with fixed windows over a stream with running aggregates: `metrics_5m` and its like.
struct RunningViews {
  private let definition: StreamDefinition
  private let catalog: String

  init(_ definition: StreamDefinition, catalog: String) {
    self.definition = definition
    self.catalog = catalog
  }

  /// What the views of a stream are called.
  static func names(_ definition: StreamDefinition) -> [String] {
    guard definition.options.running.isOn else { return [] }
    return definition.options.running.views.map { "\(definition.name)_\($0.suffix)" }
  }

  private func name(_ view: String) -> QualifiedName {
    QualifiedName(catalog, definition.schemaName, view)
  }

  /// - Parameter replaces: Whether views of these names are replaced; they must not be there otherwise.
  func statements(replaces: Bool) -> [String] {
    let running = definition.options.running
    guard let time = definition.runningTimeColumn else { return [] }
    let keys = running.keys.map(quotedName).joined(separator: ", ")
    let columns = running.values.flatMap { value -> [String] in
      let prefix = running.values.count == 1 ? "" : value + "_"
      return ["sum", "avg", "count", "min", "max"].map { function in
        "\(function)(\(quotedName(value))) AS \(quotedName(prefix + function))"
      }
    }
    let values = running.values.map(quotedName).joined(separator: ", ")
    let origin =
      time.field.type.hasTimeZone
      ? "TIMESTAMPTZ '1970-01-01 00:00:00+00'" : "TIMESTAMP '1970-01-01 00:00:00'"
    return zip(Self.names(definition), running.views).map { view, window in
      // Microseconds rather than days, whose length would depend on the time zone of the session.
      let length = "to_microseconds(\(window.microseconds))"
      return """
        CREATE \(replaces ? "OR REPLACE " : "")VIEW \(name(view)) AS
        SELECT \(keys), window_start, window_start + \(length) AS window_end,
          \(columns.joined(separator: ", "))
        FROM (
          SELECT \(keys), \(values),
            time_bucket(\(length), \(quotedName(time.field.name)), \(origin)) AS window_start
          FROM \(QualifiedName(catalog, definition.schemaName, definition.name)))
        GROUP BY \(keys), window_start
        """
    }
  }

  var dropStatements: [String] {
    Self.names(definition).map { "DROP VIEW IF EXISTS \(name($0))" }
  }
}
