import Columnar
import DuckDB
import Engine
import Testing

@testable import Database

@Suite struct `Engine instances` {
  private func database(memoryLimit: Int = 0) throws -> StreamingDatabase {
    var options = DatabaseOptions()
    options.memoryLimitByteCount = memoryLimit
    return try StreamingDatabase(
      options: options, library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: try testLog())
  }

  private func value(_ sql: String, _ instance: DuckDBInstance) throws -> String? {
    let connection = try instance.connect(SessionSettings()).connection
    let result = try connection.prepare(sql).execute()
    return try result.next()?.columns[0].string(at: 0)
  }

  @Test func `small batches have one thread and reach no files`() throws {
    let stages = try database().instances.stages()
    #expect(try value("SELECT current_setting('threads')", stages) == "1")
    #expect(throws: DuckDBError.self) {
      try value("SELECT count(*) FROM read_text('/etc/hostname')", stages)
    }
  }

  @Test func `the server's own work reaches files, statements of clients do not`() throws {
    let instances = try database().instances
    let count = "SELECT count(*) FROM read_text('/etc/passwd')"
    #expect(try value(count, instances.machine()) == "1")
    #expect(throws: DuckDBError.self) { try value(count, instances.queries) }
  }

  @Test func `all share one memory budget, and each is opened once`() throws {
    let instances = try database(memoryLimit: 800_000_000).instances
    let limits = try [instances.queries, instances.stages(), instances.machine()].map {
      try value("SELECT current_setting('memory_limit')", $0)
    }
    #expect(limits == ["572.2 MiB", "95.3 MiB", "95.3 MiB"])
    #expect(try instances.stages() === instances.stages())
  }
}
