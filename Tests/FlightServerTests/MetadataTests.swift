import Columnar
import FlightProtocol
import SwiftProtobuf
import Testing

@testable import FlightServer

@Suite struct MetadataTests {
  private let facts = ServerFacts(duckDBVersion: "v1.5.5", hyprstreamVersion: "0.1.0")

  @Test func `every number of SqlInfo is that of the protocol`() {
    let numbers = SQLInfoCode.allCases.map(\.rawValue)
    #expect(numbers == Array(0...11) + [100, 101] + Array(500...576))
    #expect(SQLInfoCode.keywords.rawValue == 508)
    #expect(SQLInfoCode.supportsConvert.rawValue == 517)
    #expect(SQLInfoCode.supportedGroupBy.rawValue == 522)
    #expect(SQLInfoCode.catalogTerm.rawValue == 531)
    #expect(SQLInfoCode.supportedUnions.rawValue == 540)
    #expect(SQLInfoCode.schemaNameLength.rawValue == 552)
    #expect(SQLInfoCode.maxUsernameLength.rawValue == 561)
    #expect(SQLInfoCode.supportedResultSetTypes.rawValue == 567)
  }

  @Test func `every fact has a value of the kind that the protocol names`() {
    let strings: Set<SQLInfoCode> = [
      .serverName, .serverVersion, .serverArrowVersion, .serverSubstraitMinVersion,
      .serverSubstraitMaxVersion, .identifierQuoteChar, .searchStringEscape,
      .extraNameCharacters, .schemaTerm, .procedureTerm, .catalogTerm,
    ]
    let lists: Set<SQLInfoCode> = [
      .keywords, .numericFunctions, .stringFunctions, .systemFunctions, .datetimeFunctions,
    ]
    let numbers: Set<SQLInfoCode> = [
      .serverTransaction, .serverStatementTimeout, .serverTransactionTimeout, .identifierCase,
      .quotedIdentifierCase, .nullOrdering, .supportedGroupBy, .supportedGrammar,
      .ansi92SupportedLevel, .outerJoinsSupportLevel, .schemasSupportedActions,
      .catalogsSupportedActions, .supportedPositionedCommands, .supportedSubqueries,
      .supportedUnions, .defaultTransactionIsolation, .supportedTransactionsIsolationLevels,
      .supportedResultSetTypes, .supportedConcurrenciesForResultSetUnspecified,
      .supportedConcurrenciesForResultSetForwardOnly,
      .supportedConcurrenciesForResultSetScrollSensitive,
      .supportedConcurrenciesForResultSetScrollInsensitive,
    ]
    for code in SQLInfoCode.allCases {
      let isLimit =
        (541...561).contains(code.rawValue) && code != .maxRowSizeIncludesBlobs
      let expected =
        strings.contains(code)
        ? 0
        : lists.contains(code)
          ? 4 : numbers.contains(code) ? 3 : code == .supportsConvert ? 5 : isLimit ? 2 : 1
      #expect(facts.value(of: code).kind == expected, "\(code)")
    }
  }

  @Test func `the version starts as client families expect it`() {
    #expect(facts.value(of: .serverVersion) == .string("duckdb v1.5.5 hyprstream 0.1.0"))
    #expect(facts.value(of: .serverName) == .string("hyprstream"))
  }

  @Test func `SqlInfo answers what was asked, in that order, and skips unknown numbers`() {
    let batch = GetSqlInfo.batch(.with { $0.info = [8, 1, 77_777, 517] }, facts: facts)
    #expect(batch.rowCount == 3)
    #expect(copied(batch.columns[0].buffers[1], as: UInt32.self) == [8, 1, 517])
    #expect(copied(batch.columns[1].buffers[0], as: Int8.self) == [3, 0, 5])
    #expect(batch.columns[1].type == batch.schema.fields[1].type)
  }

  @Test func `SqlInfo answers all of it when nothing is named`() {
    let batch = GetSqlInfo.batch(.init(), facts: facts)
    #expect(batch.rowCount == SQLInfoCode.allCases.count)
    #expect(batch.columns.map(\.type) == batch.schema.fields.map(\.type))
  }

  @Test func `types are ordered by number and name, and can be narrowed`() {
    let all = GetXdbcTypeInfo.batch(.init())
    #expect(all.rowCount == XdbcType.all.count)
    #expect(all.columns.map(\.type) == all.schema.fields.map(\.type))
    #expect(all.columns.allSatisfy { $0.count == all.rowCount })
    let codes = copied(all.columns[1].buffers[1], as: Int32.self)
    #expect(codes == codes.sorted())
    let varchars = GetXdbcTypeInfo.batch(.with { $0.dataType = 12 })
    #expect(varchars.rowCount == 4)
    #expect(GetXdbcTypeInfo.batch(.with { $0.dataType = 999 }).rowCount == 0)
  }

  @Test func `every metadata command has an answer of its schema`() throws {
    let commands: [FlightSQL.Command] = [
      .getSqlInfo(.init()), .getXdbcTypeInfo(.init()), .getCatalogs, .getDbSchemas(.init()),
      .getTables(.init()), .getTableTypes, .getPrimaryKeys(.init()), .getExportedKeys(.init()),
      .getImportedKeys(.init()), .getCrossReference(.init()),
      .getTables(.with { $0.includeSchema = true }),
    ]
    for command in commands {
      let schema = try #require(Metadata.schema(of: command))
      switch try #require(Metadata.answer(to: command) { facts }) {
      case .batch(let batch): #expect(batch.schema == schema)
      case .query(let query): #expect(query.schema == schema)
      case .tablesWithSchemas(let tables, _):
        #expect(tables.schema.fields == schema.fields.dropLast())
        #expect(schema.fields.last == Field("table_schema", .binary, isNullable: false))
      }
    }
    #expect(Metadata.schema(of: .statementQuery(.init())) == nil)
    #expect(Metadata.answer(to: .unknown(typeName: "x")) { facts } == nil)
  }

  @Test func `a result of other types than prescribed is refused`() {
    let batch = Batch(
      schema: Schema(Field("catalog_name", .int64)), columns: [.int64s([1])], rowCount: 1)
    #expect(throws: MetadataError.self) { try GetCatalogs.query().labelled(batch) }
  }

  @Test func `columns carry what the catalog knows about them`() {
    let relation = RelationName(catalog: "c", schema: "s", name: "t")
    let details = ColumnDetails(
      name: "price", typeName: "DECIMAL(10,2)", precision: "10", scale: "2", isNullable: false,
      defaultSQL: "nextval('n')", comment: "in euro")
    let field = Field("price", .decimal(width: .bits128, precision: 10, scale: 2))
    let annotated = TableSchemas.annotate(Schema(field), of: relation, with: [details]).fields[0]
    #expect(!annotated.isNullable)
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:TYPE_NAME") == "DECIMAL(10,2)")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:PRECISION") == "10")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:SCALE") == "2")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT") == "1")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:REMARKS") == "in euro")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:CATALOG_NAME") == "c")
    #expect(annotated.metadataValue("ARROW:FLIGHT:SQL:TABLE_NAME") == "t")
  }

  @Test func `a relation's name is quoted for SQL`() {
    let name = RelationName(catalog: "a\"b", schema: "s", name: "select")
    #expect(name.sql == "\"a\"\"b\".\"s\".\"select\"")
  }
}

private func copied<Value: BitwiseCopyable>(_ buffer: Buffer, as type: Value.Type) -> [Value] {
  let values = buffer.values(as: type)
  return values.indices.map { values[$0] }
}
