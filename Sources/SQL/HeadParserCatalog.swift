/// Statements that change the catalog.
extension HeadParser {
  mutating func create() -> StatementKind? {
    let isReplacing = cursor.accept(.or, .replace)
    var isTemporary = false
    modifiers: while let keyword = cursor.keyword {
      switch keyword {
      case .temp, .temporary: isTemporary = true
      case .persistent, .unlogged, .global, .local, .unique, .recursive: break
      default: break modifiers
      }
      cursor.advance()
    }
    let object = objectKind()
    guard object != .unknown else { return nil }
    let isIfNotExists = cursor.accept(.if, .not, .exists)
    var head = CreateHead(
      object: object, name: nil, isReplacing: isReplacing, isTemporary: isTemporary,
      isIfNotExists: isIfNotExists, onTable: nil, isFromQuery: false)
    if !cursor.isAt(.on), !cursor.isAt(mark: "(") { head.name = createdName() }
    switch object {
    case .index:
      head.onTable = cursor.accept(.on) ? cursor.acceptQualifiedName()?.name : nil
    case .trigger:
      cursor.skip(to: .on)
      head.onTable = cursor.accept(.on) ? cursor.acceptQualifiedName()?.name : nil
    case .table, .view, .materializedView:
      cursor.skip(to: .as)
      head.isFromQuery = cursor.isAt(.as)
    default: break
    }
    return .create(head)
  }

  /// The name of what is created; a secret may have none, and then `IN` or `(` follows.
  private mutating func createdName() -> QualifiedName? { cursor.acceptQualifiedName()?.name }

  /// Steps over `TABLE`, `VIEW`, … and says what it is.
  private mutating func objectKind() -> ObjectKind {
    guard let keyword = cursor.keyword else { return unnamedObjectKind() }
    cursor.advance()
    switch keyword {
    case .table: return .table
    case .view: return .view
    case .materialized: return cursor.accept(.view) ? .materializedView : .unknown
    case .schema: return .schema
    case .sequence: return .sequence
    case .index: return .index
    case .type: return .type
    case .macro, .function:
      _ = cursor.accept(.table)
      return .macro
    case .secret: return .secret
    case .database: return .database
    case .column: return .column
    case .trigger: return .trigger
    default:
      cursor.index -= 1
      return unnamedObjectKind()
    }
  }

  /// Objects whose words are no keywords of DuckDB's grammar.
  private mutating func unnamedObjectKind() -> ObjectKind {
    guard let token = cursor.token, cursor.source.isName(token, "property") else { return .unknown }
    cursor.advance()
    guard let next = cursor.token, cursor.source.isName(next, "graph") else { return .unknown }
    cursor.advance()
    return .propertyGraph
  }

  mutating func drop() -> StatementKind? {
    while cursor.accept(.persistent) || cursor.accept(.temporary) || cursor.accept(.temp) {}
    let object = objectKind()
    guard object != .unknown else { return nil }
    let isIfExists = cursor.accept(.if, .exists)
    let name = cursor.acceptQualifiedName()?.name
    cursor.skip(to: .cascade)
    return .drop(
      DropHead(
        object: object, name: name, isIfExists: isIfExists, isCascading: cursor.isAt(.cascade)))
  }

  mutating func alter() -> StatementKind? {
    let object = objectKind()
    guard object != .unknown else { return nil }
    _ = cursor.accept(.if, .exists)
    return .alter(object, name: cursor.acceptQualifiedName()?.name)
  }

  mutating func comment() -> StatementKind? {
    guard cursor.accept(.on) else { return nil }
    let object = objectKind()
    guard object != .unknown else { return nil }
    return .comment(object, name: cursor.acceptQualifiedName()?.name)
  }

  mutating func attach() -> StatementKind? {
    _ = cursor.accept(.or, .replace)
    _ = cursor.accept(.database)
    _ = cursor.accept(.if, .not, .exists)
    var head = AttachHead(path: nil, alias: nil, type: nil, isReadOnly: false)
    head.path = cursor.acceptString()
    if head.path == nil {
      while !cursor.isAtEnd, !cursor.isAt(.as), !cursor.isAt(mark: "(") {
        cursor.skipTokenOrGroup()
      }
    }
    if cursor.accept(.as) { head.alias = cursor.acceptName() }
    if cursor.accept(mark: "(") { attachOptions(into: &head) }
    if head.type == nil, let path = head.path, let colon = path.firstIndex(of: ":"),
      path[..<colon].allSatisfy({ $0.isLetter || $0 == "_" }), !path[..<colon].isEmpty
    {
      head.type = String(path[..<colon]).lowercased()
    }
    return .attach(head)
  }

  private mutating func attachOptions(into head: inout AttachHead) {
    repeat {
      guard let name = cursor.acceptName()?.lowercased() else { return }
      if name == "type" {
        head.type = (cursor.acceptName() ?? cursor.acceptString())?.lowercased()
      } else if name == "read_only" || name == "readonly" {
        head.isReadOnly = !cursor.isAt(.false)
      }
      while !cursor.isAtEnd, !cursor.isAt(mark: ","), !cursor.isAt(mark: ")") {
        cursor.skipTokenOrGroup()
      }
    } while cursor.accept(mark: ",")
  }

  mutating func detach() -> StatementKind? {
    _ = cursor.accept(.database)
    _ = cursor.accept(.if, .exists)
    return .detach(name: cursor.acceptName())
  }
}
