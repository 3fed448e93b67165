/// What can be told of a query from its text alone, by one who does not know the database that it is for.
public struct StatementTraits: Hashable, Sendable {
  /// The last parts of all names in it, in lower case: tables, columns, aliases, functions. A relation that it reads by name
  /// is among them.
  public var names: Set<String> = []
  /// Why two runs of it over the same rows may have different results; nil if they have the same.
  public var variance: String?
  /// A function that is none of those known here: what it does, nobody can tell.
  public var unknownFunction: String?
  /// Whether it changes rows although it begins like a query: `WITH x AS (DELETE …)`, `SELECT … INTO t`, `… FOR UPDATE`.
  public var changesSomething = false
}

extension StatementText {
  public var traits: StatementTraits {
    var traits = StatementTraits()
    for index in tokenRange {
      let token = source.tokens[index]
      switch token.kind {
      case .word:
        let word = source.text(of: token).lowercased()
        traits.names.insert(word)
        note(word, at: index, isQuoted: false, &traits)
      case .quotedName:
        guard let name = source.name(of: token) else { continue }
        traits.names.insert(name.lowercased())
        note(name.lowercased(), at: index, isQuoted: true, &traits)
      case .string:
        if Self.momentsInText.contains(source.text(of: token).lowercased()) {
          traits.variance = traits.variance ?? "it has the time \(source.text(of: token))"
        }
      default: break
      }
    }
    return traits
  }

  private func note(
    _ word: String, at index: Int, isQuoted: Bool, _ traits: inout StatementTraits
  ) {
    let isPart = mark(at: index - 1, ".")
    if mark(at: index + 1, "("), !namesColumns(at: index) {
      noteCall(word, isPart: isPart, isQuoted: isQuoted, &traits)
    } else if !isQuoted, !isPart, KnownFunctions.wordsOfTheMoment.contains(word),
      !mark(at: index + 1, ".")
    {
      traits.variance = traits.variance ?? "it asks for \(word)"
    }
    if word.hasPrefix("pg_") || Self.catalogs.contains(word),
      mark(at: index + 1, ".") || word.hasPrefix("pg_")
        || word.hasPrefix("sqlite_")
    {
      traits.variance = traits.variance ?? "it reads the catalog (\(word))"
    }
    guard !isQuoted, !isPart else { return }
    switch word {
    case "tablesample": traits.variance = traits.variance ?? "it takes a sample"
    case "into" where index > tokenRange.lowerBound: traits.changesSomething = true
    case "insert", "update", "delete", "merge":
      // `FOR UPDATE` locks rows; `ON DELETE` and the like are no queries.
      if mark(at: index - 1, "(") || ["for", "key"].contains(previous(index))
        || index == tokenRange.lowerBound
      {
        traits.changesSomething = true
      }
    case "share" where ["for", "key"].contains(previous(index)): traits.changesSomething = true
    default: break
    }
  }

  private func noteCall(
    _ name: String, isPart: Bool, isQuoted: Bool, _ traits: inout StatementTraits
  ) {
    if !isQuoted, !isPart, KnownFunctions.noFunctions.contains(name) { return }
    if KnownFunctions.ofTheMoment.contains(name) {
      traits.variance = traits.variance ?? "it calls \(name)"
    } else if !KnownFunctions.steady.contains(name) {
      traits.variance =
        traits.variance ?? "it calls \(name), which may have another value each time"
      traits.unknownFunction = traits.unknownFunction ?? name
    }
  }

  /// Whether a name with a bracket behind it is no call: `AS t (a, b)`, `unnest(x) t (a)`, `WITH t (a) AS (…)`.
  private func namesColumns(at index: Int) -> Bool {
    if mark(at: index - 1, ")") || ["as", "with", "recursive"].contains(previous(index)) {
      return true
    }
    guard mark(at: index - 1, ",") else { return false }
    var (place, depth) = (index + 1, 0)
    while tokenRange.contains(place) {
      if mark(at: place, "(") { depth += 1 }
      if mark(at: place, ")") { depth -= 1 }
      place += 1
      if depth == 0 { break }
    }
    return tokenRange.contains(place) && source.text(of: source.tokens[place]).lowercased() == "as"
      && (mark(at: place + 1, "(") || ["not", "materialized"].contains(previous(place + 2)))
  }

  private func previous(_ index: Int) -> String {
    guard tokenRange.contains(index - 1) else { return "" }
    return source.text(of: source.tokens[index - 1]).lowercased()
  }

  private func mark(at index: Int, _ mark: Unicode.Scalar) -> Bool {
    tokenRange.contains(index) && source.tokens[index].isMark(mark)
  }

  private static let momentsInText: Set<String> = [
    "'now'", "'today'", "'tomorrow'", "'yesterday'", "'current_timestamp'", "'localtimestamp'",
  ]
  private static let catalogs: Set<String> = [
    "information_schema", "pg_catalog", "sqlite_master", "sqlite_schema",
  ]
}
