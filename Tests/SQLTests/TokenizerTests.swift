import Testing

@testable import SQL

@Suite struct `Tokenizer` {
  private func tokens(_ sql: String) throws -> [String] {
    let text = try SQLText(sql)
    return text.tokens.map { "\($0.kind) \(text.text(of: $0))" }
  }

  @Test(
    arguments: [
      ("a=-1", ["word a", "symbol =", "symbol -", "number 1"]),
      ("a@-1", ["word a", "symbol @-", "number 1"]),
      ("a=$1", ["word a", "symbol =", "parameter $1"]),
      ("?1 ? $name", ["parameter ?1", "parameter ?", "parameter $name"]),
      ("$$x$$ $t$ $ $t$", ["string $$x$$", "string $t$ $ $t$"]),
      ("E'a\\'b' x'AB' b'01'", ["string E'a\\'b'", "string x'AB'", "string b'01'"]),
      ("x 'AB'", ["word x", "string 'AB'"]),
      (
        "1_000 1e5 1. .5 1e-3",
        ["number 1_000", "number 1e5", "number 1.", "number .5", "number 1e-3"]
      ),
      ("0x1F", ["number 0", "word x1F"]),  // as DuckDB: 0 AS x1F
      ("1a", ["number 1", "word a"]),
      ("a->>'b'", ["word a", "symbol ->>", "string 'b'"]),
      ("a::int", ["word a", "symbol ::", "word int"]),
      ("a:=1", ["word a", "symbol :=", "number 1"]),
      ("{'a':1}", ["punctuation {", "string 'a'", "punctuation :", "number 1", "punctuation }"]),
      ("a /* x /* y */ z */ b -- c\nd", ["word a", "word b", "word d"]),
      ("a\u{00A0}b\u{3000}c", ["word a", "word b", "word c"]),
      ("\"a\"\"b\".é", ["quotedName \"a\"\"b\"", "punctuation .", "word é"]),
      ("a!=-1", ["word a", "symbol !=-", "number 1"]),
      ("a--b", ["word a"]),
      ("a+/*b*/c", ["word a", "symbol +", "word c"]),
      ("", []),
    ] as [(String, [String])])
  func `a text is cut as DuckDB cuts it`(sql: String, expected: [String]) throws {
    #expect(try tokens(sql) == expected)
  }

  @Test(arguments: [
    "'", "'a''", "E'a\\'", "\"a", "$$a", "$x$ a $y$", "/* a", "/* /* */", "a\0b",
  ])
  func `a text that does not end, or holds a zero byte, is refused`(sql: String) {
    #expect(throws: SQLError.self) { try SQLText(sql) }
  }

  @Test func `an error says line and column in characters`() {
    #expect {
      try SQLText("SELECT 'é',\n  'x")
    } throws: { error in
      let position = (error as? SQLError)?.position
      return position == SourcePosition(byteOffset: 15, line: 2, column: 3)
    }
  }

  @Test(
    arguments: [
      ("'it''s'", "it's"), ("''''", "'"), ("E'a\\n\\t\\x41\\u00e9\\101\\''", "a\n\tAéA'"),
      ("$$a'b$$", "a'b"), ("$q$ $$ $q$", " $$ "), ("x'41'", nil), ("''", ""),
    ] as [(String, String?)])
  func `a string literal means its text`(sql: String, value: String?) throws {
    let text = try SQLText(sql)
    let token = try #require(text.tokens.first)
    #expect(text.stringValue(of: token) == value)
  }

  @Test func `keywords are found in any case, names are not keywords`() throws {
    let text = try SQLText("SeLeCt selecT_ transaction characteristics characteristicss emit")
    #expect(
      text.tokens.map(\.keyword) == [.select, nil, .transaction, .characteristics, nil, .emit])
    for keyword in Keyword.allCases {
      #expect(try SQLText(keyword.rawValue.uppercased()).tokens.first?.keyword == keyword)
    }
    #expect(Keyword.select.category == .reserved)
    #expect(Keyword.glob.category == .typeOrFunction)
    #expect(Keyword.values.category == .column)
    #expect(Keyword.pragma.category == .unreserved)
    #expect(Keyword.emit.category == .name)
  }

  @Test func `random bytes never trap anything that reads statements`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed of random statements: \(seed)")
    var random = SplitMix(state: seed)
    let pieces = [
      "SELECT", "INSERT INTO", "WITH", "(", ")", "'", "\"", "$$", "$a$", "/*", "*/", "--", "\n",
      "AS", "metrics", "VALUES", ",", ".", ";", "1", "?", "$1", "E'\\", "COPY", "SET", "FROM",
      "WHERE", "a = 1", "glob(", "read_csv('x')", "EXPLAIN", "PREPARE p AS", "ATTACH", "é",
      "\u{A0}",
      "CREATE", "TABLE", "OR REPLACE", "PRAGMA", "=", "[", "]", "{", "}", "::", "query('",
      "BY NAME",
    ]
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      for _ in 0..<random.next() % 24 {
        if random.next() % 4 == 0 {
          bytes.append(UInt8(truncatingIfNeeded: random.next()))
        } else {
          bytes += Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8)
          if random.next() % 2 == 0 { bytes.append(0x20) }
        }
      }
      readEverything(bytes)
    }
  }

  private func readEverything(_ bytes: [UInt8]) {
    guard let text = try? SQLText(bytes: bytes) else { return }
    for (token, next) in zip(text.tokens, text.tokens.dropFirst()) {
      #expect(token.start < token.end && token.end <= next.start, "bytes: \(bytes)")
    }
    for token in text.tokens {
      _ = text.name(of: token)
      _ = text.stringValue(of: token)
    }
    for statement in StatementText.split(text) {
      let head = statement.head
      _ = (statement.canonical, statement.lifted(head: head), head.target?.description)
      _ = (head.isReadOnly, head.returnsRows, head.hasReturning)
      _ = MachineAccessPolicy(allowedDirectories: ["/a"]).refusal(of: statement, head: head)
      _ = MachineAccessPolicy().refusal(of: statement, head: head)
    }
  }
}

/// A small generator with a seed that can be printed and used again.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
