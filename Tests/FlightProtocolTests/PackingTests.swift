import FoundationEssentials
import NIOCore
import SwiftProtobuf
import Testing

@testable import FlightProtocol

@Suite struct PackingTests {
  @Test func `a command is packed as the reference packs it`() throws {
    let command = FlightSQL.CommandStatementQuery.with { $0.query = "SELECT 1" }
    let reference: [UInt8] = try Google_Protobuf_Any(message: command).serializedBytes()
    #expect(Array(try command.packed()) == reference)
  }

  @Test func `an empty command is packed and found`() throws {
    let bytes = try FlightSQL.CommandGetCatalogs().packed()
    guard case .getCatalogs = try FlightSQL.Command(unpacking: bytes) else {
      Issue.record("not a CommandGetCatalogs")
      return
    }
  }

  @Test func `a packed command comes back with its fields`() throws {
    let command = FlightSQL.CommandStatementIngest.with {
      $0.table = "t"
      $0.schema = "s"
      $0.temporary = true
      $0.tableDefinitionOptions.ifExists = .append
      $0.options = ["a": "b"]
    }
    guard case .statementIngest(let read) = try FlightSQL.Command(unpacking: command.packed())
    else {
      Issue.record("not an ingest")
      return
    }
    #expect(read == command)
  }

  @Test func `another packed message is unknown, by its name`() throws {
    let bytes = try Flight.Empty().packed()
    guard case .unknown(let name) = try FlightSQL.Command(unpacking: bytes) else {
      Issue.record("taken for a command")
      return
    }
    #expect(name == "arrow.flight.protocol.Empty")
  }

  @Test func `unpacking as another type says both names`() throws {
    let bytes = try FlightSQL.CommandGetCatalogs().packed()
    #expect(
      throws: ProtocolError.unexpectedType(
        expected: "arrow.flight.protocol.sql.CommandStatementQuery",
        actual: "arrow.flight.protocol.sql.CommandGetCatalogs")
    ) { try FlightSQL.CommandStatementQuery(unpacking: bytes) }
  }

  @Test func `bytes that are not packed are refused`() {
    for bytes in [Data(), Data("SELECT 1".utf8), Data([0x0A, 3, 0x61, 0x62, 0x63])] {
      #expect(throws: ProtocolError.self) { try FlightSQL.Command(unpacking: bytes) }
    }
  }

  @Test func `damaged commands never trap`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    let good = Array(
      try FlightSQL.CommandGetTables.with {
        $0.catalog = "memory"
        $0.tableTypes = ["VIEW"]
      }.packed())
    var readable = 0
    for _ in 0..<20_000 {
      var bytes = good
      let position = Int.random(in: bytes.indices, using: &random)
      bytes[position] = UInt8.random(in: .min ... .max, using: &random)
      bytes.removeLast(Int.random(in: 0...3, using: &random))
      if (try? FlightSQL.Command(unpacking: Data(bytes))) != nil { readable += 1 }
    }
    #expect(readable > 0, "seed \(seed): no damage was harmless, which is not plausible")
  }

  @Test func `the numbers that other implementations rely on`() throws {
    let result = FlightSQL.ActionCreatePreparedStatementResult.with { $0.isUpdate = true }
    #expect(try result.serializedArray() == [0x20, 1])
    let option = Flight.SessionOptionValue(.int64Value(1))
    #expect(try option.serializedArray() == [0x19, 1, 0, 0, 0, 0, 0, 0, 0])
    let ingest = FlightSQL.CommandStatementIngest.with { $0.options = ["k": "v"] }
    #expect(
      try ingest.serializedArray() == [0xC2, 0x3E, 6, 0x0A, 1, 0x6B, 0x12, 1, 0x76])
  }
}
