import Columnar
import Foundation
import Testing

@testable import Shell

/// What a writer makes of batches.
private func written(_ settings: WriterSettings, _ schema: Schema, _ batches: [Batch]) throws
  -> String
{
  let path = NSTemporaryDirectory() + "hyprstream-shell-" + UUID().uuidString
  defer { try? FileManager.default.removeItem(atPath: path) }
  do {
    let output = try Output(path: path)
    var writer = settings.makeWriter()
    try writer.begin(schema, to: output)
    for batch in batches { try writer.write(batch, to: output) }
    try writer.end(to: output)
    try output.flush()
  }
  return try String(contentsOfFile: path, encoding: .utf8)
}

private let schema = Schema(
  Field("id", .int64), Field("name", .utf8), Field("a \"b\"", .list(Field("item", .int32))))

private func batch(_ ids: [Int64?], _ names: [String?]) -> Batch {
  let lists = Column.list(
    Field("item", .int32), counts: ids.map { $0 == nil ? nil : 2 },
    items: .int32s(ids.flatMap { $0 == nil ? [] : [1, nil] }))
  return Batch(
    schema: schema, columns: [.int64s(ids), .strings(names), lists], rowCount: ids.count)
}

struct ResultFormatTests {
  @Test func `a table has names, types, borders and aligned values`() throws {
    let text = try written(.init(), schema, [batch([1, nil], ["x\ny", "漢字"])])
    #expect(
      text == """
        ┌────────┬─────────┬───────────┐
        │   id   │  name   │   a "b"   │
        │ bigint │ varchar │ integer[] │
        ├────────┼─────────┼───────────┤
        │      1 │ x\\ny    │ [1, NULL] │
        │   NULL │ 漢字    │ NULL      │
        └────────┴─────────┴───────────┘
        2 rows

        """)
  }

  @Test func `a long table shows its ends and says how many rows there are`() throws {
    var settings = WriterSettings()
    settings.maxRowCount = 4
    let one = Schema(Field("n", .int64))
    let batches = (0..<500).map { part in
      Batch(
        schema: one, columns: [.int64s((0..<3).map { Int64(part * 3 + $0) })], rowCount: 3)
    }
    let lines = try written(settings, one, batches).split(separator: "\n").map(String.init)
    let cells = lines.filter { $0.hasPrefix("│") }.dropFirst(2)
      .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "│ ")) }
    #expect(Array(cells) == ["0", "1", "·", "·", "·", "1498", "1499"])
    #expect(lines.last == "1,500 rows (4 shown)")
  }

  @Test func `a wide table is made to fit the line`() throws {
    var settings = WriterSettings()
    settings.lineWidth = 60
    for columnCount in [1, 3, 20, 300] {
      let fields = (0..<columnCount).map { Field("column_\($0)", .utf8) }
      let columns = (0..<columnCount).map { _ in
        Column.strings([String(repeating: "wide ", count: 30), nil])
      }
      let wide = Batch(schema: Schema(fields), columns: columns, rowCount: 2)
      let text = try written(settings, wide.schema, [wide])
      for line in text.split(separator: "\n") {
        #expect(line.count <= 60, "\(columnCount) columns: \(line)")
      }
      #expect(text.contains("column_0") && text.contains("…"))
    }
  }

  @Test func `rows beyond the sample are written as they come`() throws {
    let one = Schema(Field("n", .int64))
    let count = TableWriter.sampleRowCount + 500
    let all = Batch(
      schema: one, columns: [.int64s((0..<count).map { Int64($0) })], rowCount: count)
    let text = try written(.init(), one, [all])
    #expect(text.split(separator: "\n").count == count + 6)
    #expect(text.hasSuffix("\n5,500 rows\n"))
  }

  @Test func `comma-separated values are quoted where they must be`() throws {
    let text = try written(
      .init(format: .csv), schema, [batch([1, nil], ["a,\"b\"\nc", ""]), batch([nil], [nil])])
    #expect(text == "id,name,\"a \"\"b\"\"\"\n1,\"a,\"\"b\"\"\nc\",\"[1, NULL]\"\n,\"\",\n,,\n")
  }

  @Test func `JSON keeps numbers, nulls and lists`() throws {
    let rows = [batch([1], ["ü\"\u{1}"]), batch([nil], [nil])]
    #expect(
      try written(.init(format: .jsonl), schema, rows)
        == "{\"id\":1,\"name\":\"ü\\\"\\u0001\",\"a \\\"b\\\"\":[1,null]}\n"
        + "{\"id\":null,\"name\":null,\"a \\\"b\\\"\":null}\n")
    let text = try written(.init(format: .json), schema, rows)
    let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
    #expect(parsed?.count == 2)
    #expect(try written(.init(format: .json), schema, []) == "[]\n")
  }

  @Test func `numbers that JSON does not have are texts`() throws {
    let one = Schema(Field("d", .float64))
    let values = Batch(
      schema: one, columns: [.doubles([1.5, .nan, .infinity, -0.0, 1e300])], rowCount: 5)
    for line in try written(.init(format: .jsonl), one, [values]).split(separator: "\n") {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
  }

  @Test func `an Arrow stream is read back as the same rows`() throws {
    let path = NSTemporaryDirectory() + "hyprstream-shell-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try Output(path: path)
    var writer = WriterSettings(format: .arrow).makeWriter()
    try writer.begin(schema, to: output)
    try writer.write(batch([1, nil], ["a", nil]), to: output)
    try writer.end(to: output)
    try output.flush()
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var reader = try IPCStreamReader(Buffer(copying: bytes))
    #expect(reader.schema == schema)
    let read = try #require(try reader.next())
    #expect(read.rowCount == 2 && read.columns[1].string(at: 0) == "a")
    #expect(try reader.next() == nil)
  }

  @Test func `a block per row and a Markdown table`() throws {
    var settings = WriterSettings()
    settings.isExpanded = true
    let text = try written(settings, schema, [batch([7], ["a|b"])])
    #expect(text.contains("id    │ 7\nname  │ a|b\na \"b\" │ [1, NULL]\n1 row\n"))
    let markdown = try written(.init(format: .markdown), schema, [batch([7], ["a|b"])])
    #expect(markdown.hasSuffix("| ---: | --- | --- |\n| 7 | a\\|b | [1, NULL] |\n"))
  }
}

struct InputTests {
  @Test func `a statement ends at its semicolon, whichever line that is on`() {
    var buffer = StatementBuffer()
    #expect(buffer.add(line: "SELECT 1,") == [])
    #expect(buffer.add(line: "  2; SELECT 'a;b") == [])
    #expect(buffer.add(line: "c' ; SELECT") == ["SELECT 1,\n  2", "SELECT 'a;b\nc'"])
    #expect(!buffer.isEmpty)
    #expect(buffer.add(line: "3 -- ; not yet") == [])
    #expect(buffer.takeRest() == ["SELECT\n3"])
    #expect(buffer.isEmpty && buffer.takeRest() == [])
    #expect(buffer.add(line: ";;") == [] && buffer.isEmpty)
  }

  @Test func `any bytes can be typed`() {
    var random = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0..<UInt64.max, using: &random)
    print("seed \(seed)")
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let pieces = ["'", "\"", ";", "--", "/*", "*/", "$$", "\n", "a", "ü", "E'", "\\", "0"]
    for _ in 0..<2_000 {
      var buffer = StatementBuffer()
      for _ in 0..<next(6) {
        _ = buffer.add(line: (0..<next(8)).map { _ in pieces[next(pieces.count)] }.joined())
      }
      _ = buffer.takeRest()
      #expect(buffer.isEmpty)
    }
  }

  @Test(arguments: [
    ("\\d", MetaCommand.relations(tablesOnly: false)), ("\\d my table;", .columns(of: "my table")),
    ("\\dt", .relations(tablesOnly: true)), ("\\q", .quit), (".exit", .quit), ("\\?", .help),
    (".help", .help), ("\\timing", .timing(nil)), ("\\x on", .expanded(true)),
    ("\\o", .output(path: nil)),
    ("\\o /tmp/x y", .output(path: "/tmp/x y")), ("\\format JSON", .format(.json)),
    ("\\rows 0", .rows(0)),
  ])
  func `commands are understood`(line: String, command: MetaCommand) throws {
    #expect(MetaCommand.isCommand(line))
    #expect(try MetaCommand(line) == command)
  }

  @Test func `a command may stand amid a statement, but not in a text or a comment`() {
    for (begun, isAdmitted) in [
      ("SELECT 1,", true), ("SELECT 'a", false), ("SELECT 1 /* why", false),
      ("SELECT 1 -- x", true),
    ] {
      var buffer = StatementBuffer()
      #expect(buffer.add(line: begun).isEmpty)
      #expect(buffer.admitsCommand("  \\d t") == isAdmitted, "\(begun)")
      #expect(!buffer.admitsCommand("d t"))
    }
  }

  @Test(arguments: [
    ("abc", 3), ("漢字", 4), ("é", 1), ("🎉", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("⚡", 2), ("✔", 1), ("❤️", 2),
    ("→", 1),
  ])
  func `cells of a terminal are counted`(text: String, width: Int) {
    #expect(TextWidth.of(text) == width)
  }

  @Test(arguments: [
    ("create table t(i int)", true), ("DROP VIEW v", true), ("SELECT 1", false), ("created", false),
  ])
  func `changes of the catalog refresh what Tab completes`(sql: String, isAffected: Bool) {
    #expect(Completion.isAffected(by: sql) == isAffected)
  }

  @Test func `what is no command is said, and SQL is not a command`() {
    #expect(throws: ShellFailure.self) { try MetaCommand("\\nope") }
    #expect(throws: ShellFailure.self) { try MetaCommand("\\format yaml") }
    #expect(!MetaCommand.isCommand("SELECT 1"))
    #expect(!MetaCommand.isCommand(".5 + 1"))
  }

  @Test func `a mark stands under the place of a mistake`() {
    #expect(
      Caret.text(under: 16, in: "SELECT 'ä'\nFROM nope")
        == "LINE 2: FROM nope\n            ^")
    #expect(Caret.text(under: 99, in: "x") == "LINE 1: x\n         ^")
  }

  @Test(arguments: [
    (Duration.microseconds(1_234), "Time: 1.234 ms"), (.milliseconds(12_045), "Time: 12.045 s"),
    (.seconds(125), "Time: 2 min 5.0 s"),
  ])
  func `times are shown with the unit that fits`(time: Duration, text: String) {
    #expect(Shell.text(time: time) == text)
  }
}
