import Columnar
import Log
import Testing

@testable import Database

@Suite struct `Rows of streams` {
  @Test func `rows that do not fit are refused whole, with column and row`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER NOT NULL, b INTEGER)")
    await #expect {
      try await session.put([batch([("a", .int32s([1, nil]))])], to: "s")
    } throws: {
      let message = "\($0)"
      return message.contains("'a'") && message.contains("1")
    }
    await #expect(throws: DatabaseError.self) {
      try await session.put([batch([("a", .strings(["1", "x"]))])], to: "s")
    }
    await #expect(throws: DatabaseError.self) {
      try await session.put([batch([("nosuch", .int32s([1]))])], to: "s")
    }
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
    // Names are matched whatever their case and order.
    try await session.put([batch([("B", .int32s([2])), ("A", .int64s([1]))])], to: "s")
    #expect(try await session.rows("FROM s") == [["1", "2"]])
  }

  @Test func `rows that do not fit go to the dead letters, the others are stored`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER NOT NULL) WITH (on_error = 'dead_letter')")
    let answer = try await session.put(
      [batch([("a", .strings(["1", "x", nil, "4"]))])], to: "s",
      StreamMarks(producer: "p", sequence: 8))
    #expect(answer.rowCount == 2)
    #expect(answer.deadLetterCount == 2)
    #expect(try await session.rows("FROM s") == [["1"], ["4"]])
    let dead = try await session.rows("SELECT error, row FROM s.dead_letter ORDER BY row")
    #expect(dead.count == 2)
    #expect(
      try await session.rows("SELECT DISTINCT producer, sequence FROM s.dead_letter")
        == [["p", "8"]])
    #expect(dead.contains { $0[1].contains("\"x\"") && $0[0].contains("'a'") })
    try await session.run("DROP STREAM s")
    #expect(await session.failure("SELECT * FROM s.dead_letter") != nil)
    // The name is free again, with its dead letters.
    try await session.run("CREATE STREAM s (a INTEGER) WITH (on_error = 'dead_letter')")
    #expect(try await session.count("SELECT count(*) FROM s.dead_letter") == 0)
  }

  @Test func `a retry is stored once, also after a restart`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    let marks = StreamMarks(producer: "p", sequence: 1)
    let first = try await session.put([batch([("a", .int32s([1, 2]))])], to: "s", marks)
    #expect(first.offset == 0)
    #expect(first.nextOffset == 2)
    let again = try await session.put([batch([("a", .int32s([1, 2]))])], to: "s", marks)
    #expect(again.isRepeat)
    #expect(again.offset == 0)
    try await server.restart()
    let after = try server.session
    #expect(try await after.put([batch([("a", .int32s([1, 2]))])], to: "s", marks).isRepeat)
    #expect(try await after.count("SELECT count(*) FROM s") == 2)
  }

  @Test func `marks of a producer lie in the log in order`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.put(
      [batch([("a", .int32s([1]))])], to: "s", StreamMarks(watermarkMicroseconds: 5))
    try await session.put(
      [batch([("a", .int32s([2]))])], to: "s",
      StreamMarks(watermarkMicroseconds: 9, endsStream: true))
    let stream = try #require(session.streamWriter(["s"])).stream
    #expect(stream.topic.state.watermarkMicroseconds == 9)
    #expect(stream.topic.state.isEnded)
    try await session.put([batch([("a", .int32s([3]))])], to: "s")
    let state = stream.topic.state
    var order: [String] = []
    for unit in try stream.topic.units(in: state.start..<state.head, ScanFilter()) {
      for record in try stream.topic.read(unit) {
        switch record {
        case .batch(let batch): order.append("\(batch.firstOffset.rawValue)")
        case .watermark(let time, _): order.append("w\(time)")
        case .endOfStream: order.append("end")
        }
      }
    }
    #expect(order == ["0", "w5", "1", "w9", "end", "2"])
  }

  @Test func `dictionaries that change are read back as they were put`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (e ENUM('a', 'b', 'c'), n INTEGER)")
    let type = try #require(session.streamWriter(["s"])).schema.fields[0].type
    guard case .dictionary = type else { Issue.record("\(type)"); return }
    for round in 0..<3 {
      try await session.run(
        "INSERT INTO s VALUES ('c', \(round)), (NULL, \(round)), ('a', \(round))")
    }
    let expected = (0..<3).flatMap { [["c", "\($0)"], ["NULL", "\($0)"], ["a", "\($0)"]] }
    #expect(try await session.rows("SELECT * FROM s") == expected)
    #expect(try await session.rows("SELECT e, n FROM s") == expected)
    try await server.restart()
    #expect(try await server.session.rows("SELECT * FROM s") == expected)
  }

  @Test func `large batches are cut into records and stay one group`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (i BIGINT)")
    let answer = try await session.put([integers(0..<200_000)], to: "s")
    #expect(answer.nextOffset == 200_000)
    #expect(try await session.count("SELECT sum(i) FROM s") == 19_999_900_000)
    #expect(try await session.count("SELECT count(*) FROM s WHERE i = _offset") == 200_000)
  }

  @Test func `columns appear as rows bring them`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM demo WITH (FORMAT = \"JSON\")")
    #expect(try await session.count("SELECT count(*) FROM demo") == 0)
    try await session.run("INSERT INTO demo (temperature, humidity) VALUES (22, 80)")
    try await session.run("INSERT INTO demo (temperature, place) VALUES (1.5, 'x')")
    #expect(
      try await session.rows("SELECT temperature, humidity, place FROM demo")
        == [["22.0", "80", "NULL"], ["1.5", "NULL", "x"]])
    try await session.run("INSERT INTO demo (humidity) VALUES ('wet')")
    #expect(
      try await session.rows("SELECT humidity FROM demo").flatMap { $0 } == ["80", "NULL", "wet"])
    try await server.restart()
    #expect(
      try await server.session.rows("SELECT humidity FROM demo").flatMap { $0 } == [
        "80", "NULL", "wet",
      ])
  }

  @Test func `columns that many writers bring at once are all there`() async throws {
    let server = try await StreamDatabase()
    try await server.session.run("CREATE STREAM demo WITH (format = 'json')")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        let session = try server.session
        group.addTask {
          for round in 0..<5 {
            try await session.put([batch([("c\(writer)_\(round)", .int64s([1]))])], to: "demo")
          }
        }
      }
      try await group.waitForAll()
    }
    let session = try server.session
    #expect(try await session.count("SELECT count(*) FROM demo") == 40)
    #expect(
      try await session.rows("SELECT sum(COLUMNS(*)) FROM demo")[0]
        == Array(repeating: "1", count: 40))
  }

  @Test func `rows that are put while columns are added are all stored`() async throws {
    let server = try await StreamDatabase()
    try await server.session.run("CREATE STREAM s (i BIGINT)")
    try await withThrowingTaskGroup(of: Void.self) { group in
      let writer = try server.session
      group.addTask {
        for round in 0..<200 {
          try await writer.put([integers(Int64(round)..<Int64(round) + 1)], to: "s")
        }
      }
      let changer = try server.session
      group.addTask {
        for round in 0..<10 { try await changer.run("ALTER STREAM s ADD COLUMN c\(round) INTEGER") }
      }
      try await group.waitForAll()
    }
    #expect(try await server.session.count("SELECT sum(i) FROM s") == 19_900)
  }
}
