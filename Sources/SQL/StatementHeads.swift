/// `INSERT … INTO target [AS alias] [(columns)] [BY NAME | BY POSITION] source [ON CONFLICT …] [RETURNING …]`.
public struct InsertHead: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// `VALUES (…), …`
    case values
    /// Any other query.
    case query
    /// `DEFAULT VALUES`
    case defaultValues
  }

  /// What to do about a row whose key is there: `INSERT OR REPLACE`, `INSERT OR IGNORE`.
  public enum Conflict: Hashable, Sendable { case replace, ignore }

  public var target: QualifiedName
  public var alias: String?
  /// The columns that are named, in that order; nil if none are.
  public var columns: [String]?
  public var isByName: Bool
  public var source: Source
  public var conflict: Conflict?
  /// The name of the target.
  public var targetTokens: Range<Int>
  /// The query, or `VALUES` and its rows.
  public var sourceTokens: Range<Int>
  /// `ON CONFLICT` and what follows it, without `RETURNING`.
  public var onConflictTokens: Range<Int>?
  /// What follows `RETURNING`.
  public var returningTokens: Range<Int>?
}

/// `UPDATE target [[AS] alias] SET … [FROM …] [WHERE …] [RETURNING …]`.
public struct UpdateHead: Hashable, Sendable {
  public var target: QualifiedName
  public var alias: String?
  public var targetTokens: Range<Int>
  /// What follows `SET`, up to `FROM`, `WHERE` or `RETURNING`.
  public var setTokens: Range<Int>
  public var returningTokens: Range<Int>?
}

/// `DELETE FROM target [[AS] alias] [USING …] [WHERE …] [RETURNING …]`, or `TRUNCATE target`.
public struct DeleteHead: Hashable, Sendable {
  public var target: QualifiedName
  public var alias: String?
  public var isTruncate: Bool
  public var targetTokens: Range<Int>
  /// What follows `USING`, up to `WHERE` or `RETURNING`.
  public var usingTokens: Range<Int>?
  /// What follows `WHERE`, up to `RETURNING`.
  public var whereTokens: Range<Int>?
  public var returningTokens: Range<Int>?
}

/// `CREATE [OR REPLACE] [TEMP] … kind [IF NOT EXISTS] name …`.
public struct CreateHead: Hashable, Sendable {
  public var object: ObjectKind
  /// Nil for an index or secret without a name.
  public var name: QualifiedName?
  public var isReplacing: Bool
  public var isTemporary: Bool
  public var isIfNotExists: Bool
  /// The table of an index or trigger.
  public var onTable: QualifiedName?
  /// Whether a query follows `AS`.
  public var isFromQuery: Bool
}

/// `DROP kind [IF EXISTS] name [CASCADE | RESTRICT]`.
public struct DropHead: Hashable, Sendable {
  public var object: ObjectKind
  public var name: QualifiedName?
  public var isIfExists: Bool
  public var isCascading: Bool
}

/// `COPY …`.
public struct CopyHead: Hashable, Sendable {
  public enum Direction: Hashable, Sendable {
    /// `COPY t FROM 'file'`: rows come in.
    case fromFile
    /// `COPY t TO 'file'`, `COPY (query) TO 'file'`: rows go out.
    case toFile
    /// `COPY FROM DATABASE a TO b`.
    case databases
  }

  public var direction: Direction
  /// The table; nil for a query or databases.
  public var table: QualifiedName?
  /// The file, if it is a plain string.
  public var path: String?
  /// The databases of `COPY FROM DATABASE`.
  public var databases: [String]
}

/// `SET [GLOBAL | SESSION | LOCAL | VARIABLE] name = value`, or `RESET …`.
public struct SettingHead: Hashable, Sendable {
  public enum Scope: Hashable, Sendable { case automatic, global, session, local, variable }

  public var scope: Scope
  /// As written; `TIME ZONE` is given as `TimeZone`, `SCHEMA` as `schema`.
  public var name: String
  /// What follows `=` or `TO`; empty for `RESET`.
  public var valueTokens: Range<Int>
}

/// `PRAGMA name`, `PRAGMA name = value`, `PRAGMA name(arguments)`.
public struct PragmaHead: Hashable, Sendable {
  public enum Form: Hashable, Sendable { case plain, assignment, call }

  public var name: String
  public var form: Form
  /// The value, or what is between the brackets.
  public var valueTokens: Range<Int>
}

/// `ATTACH [DATABASE] [IF NOT EXISTS] 'path' [AS alias] [(options)]`.
public struct AttachHead: Hashable, Sendable {
  /// Nil if it is an expression.
  public var path: String?
  public var alias: String?
  /// The value of `TYPE` among the options, or the scheme before the first colon of the path.
  public var type: String?
  public var isReadOnly: Bool
}
