import ADBC
import Columnar
import Testing

@Suite struct ManagerTests {
  @Test func `the SQLite driver answers a query`() throws {
    let manager = try DriverManager.load()
    let database = try ADBCDatabase(manager, driver: Driver.find("sqlite"), uri: ":memory:")
    let connection = try database.connect()
    let result = try connection.query("SELECT 42 AS answer")
    #expect(result.schema.fields.map(\.name) == ["answer"])
    let batch = try #require(try result.next())
    #expect(batch.rowCount == 1)
    #expect(try result.next().map(\.rowCount) == nil)
    #expect(try connection.info().vendorName == "SQLite")
  }
}
