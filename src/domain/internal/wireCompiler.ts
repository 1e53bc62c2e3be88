/**
 * Makes the layout of a body from a schema, and refuses schemas that have none. Machinery of `Wire`; there is no reason
 * to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as BodyError from "../BodyError.ts"
import * as WireAnnotation from "./wireAnnotation.ts"
import * as WireField from "./wireField.ts"
import * as WireLayout from "./wireLayout.ts"
import * as WireLeaf from "./wireLeaf.ts"

const compiled = new WeakMap<Schema.Constraint, WireLayout.Body>()

/**
 * The layout of a body, made once per schema. Throws an `Error` that names the field when there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (schema: Schema.Constraint): WireLayout.Body => {
  let body = compiled.get(schema)
  if (body === undefined) {
    body = new Compilation().body(schema.ast)
    compiled.set(schema, body)
  }
  return body
}

type Path = ReadonlyArray<string>

/** A part of a layout, with the tags that it takes. */
interface Part<A> {
  readonly made: A
  readonly tags: ReadonlyArray<number>
}

/** What is known of a field before it is looked into. */
interface Sketch {
  readonly name: string
  readonly index: number
  readonly ast: SchemaAST.AST
  readonly path: Path
  readonly aim: WireField.Aim
}

// The name of the field that stands for a body that is a list. No path shows it.
const listName = "list"

const separator = 0

class Compilation {
  private readonly paths = new Map<number, Path>()
  /** The one list that is told apart by separators. */
  private separated: Path | undefined = undefined
  /** Structs that are being made, to find one within itself. */
  private readonly open = new Set<SchemaAST.AST>()
  private readonly elements: Array<Part<WireLayout.Struct>> = []

  body(ast: SchemaAST.AST): WireLayout.Body {
    const isList = WireLeaf.wireSide(ast)._tag === "Arrays"
    const { made: struct, tags } = isList
      ? assemble([this.field({ name: listName, index: 0, ast, path: [], aim: "type" })], WireField.none)
      : this.struct(ast, [], "type")
    for (const element of this.elements) enclose(element, tags)
    return { struct, listName: isList ? listName : undefined, paths: this.paths }
  }

  private struct(ast: SchemaAST.AST, path: Path, aim: WireField.Aim): Part<WireLayout.Struct> {
    const side = WireLeaf.wireSide(ast)
    if (side._tag !== "Objects") return refuse(path, `is no struct, but ${side._tag}`)
    if (side.indexSignatures.length > 0) return refuse(path, "is a record with any keys: only named fields have tags")
    if (this.open.has(side)) return refuse(path, "contains itself: nothing on the wire says where that would end")
    this.open.add(side)
    const isWhole = aim === "type" && WireField.needsParser(ast)
    const fields = side.propertySignatures.map(({ name, type }, index) => {
      if (typeof name !== "string" || name === "__proto__") return refuse(path, `has a key named ${String(name)}`)
      return this.field({ name, index, ast: type, path: [...path, name], aim: isWhole ? "encoded" : aim })
    })
    this.open.delete(side)
    return assemble(
      fields,
      isWhole ? WireField.whole(ast) : aim === "type" ? WireField.structChecks(ast) : WireField.none
    )
  }

  private field(sketch: Sketch): Part<WireLayout.Field> {
    const side = WireLeaf.wireSide(sketch.ast)
    if (side._tag !== "Arrays") return this.value(sketch, side)
    const list = WireAnnotation.listOf(side)
    const [element] = side.rest
    if (side.rest.length !== 1 || side.elements.length > 1 || side.elements.some((first) => first !== element)) {
      return refuse(sketch.path, "is a tuple: only Schema.Array and Schema.NonEmptyArray have a form on the wire")
    }
    const isNonEmpty = side.elements.length === 1
    return list === undefined || (list.kind === "records" && WireLeaf.wireSide(element)._tag !== "Objects")
      ? this.values(sketch, element, isNonEmpty, list)
      : this.structs(sketch, element, isNonEmpty, list)
  }

  private value(sketch: Sketch, side: SchemaAST.AST): Part<WireLayout.Field> {
    const { aim, ast, index, name, path } = sketch
    const given = WireAnnotation.tagOf(ast)
    if (given === undefined && side._tag === "Literal" && ast.context?.constructorDefault !== undefined) {
      return { made: constant(name, index, side.literal), tags: [] }
    }
    const leaf = WireLeaf.fromAST(side)
    if (typeof leaf === "string") return refuse(path, leaf)
    const tag = this.claim(given, path)
    const behaviour = WireField.ofValue(name, ast, leaf, aim)
    if (behaviour.absent === "fails" && mayBeUndefined(side)) {
      return refuse(path, "may be undefined, which has no form on the wire: make its key optional")
    }
    const isSecret = WireLeaf.isSecret(ast)
    return { made: { kind: "value", name, index, tag, leaf, isSecret, ...behaviour }, tags: [tag] }
  }

  private values(
    sketch: Sketch,
    element: SchemaAST.AST,
    nonEmpty: boolean,
    list: WireAnnotation.List | undefined
  ): Part<WireLayout.Field> {
    const { aim, ast, index, name, path } = sketch
    const leaf = WireLeaf.fromAST(WireLeaf.wireSide(element))
    if (typeof leaf === "string") return refuse(path, leaf)
    const tag = this.claim(WireAnnotation.tagOf(ast) ?? WireAnnotation.tagOf(element), path)
    const separators = list?.kind === "records" ? list.separators : "none"
    if (separators !== "none") this.separate(path)
    const elements = WireField.valueConversions(element, leaf)
    const behaviour = WireField.ofList(name, ast, nonEmpty, elements, aim)
    const decodeElement = WireField.elementDecode(ast, elements, aim)
    const isSecret = WireLeaf.isSecret(ast) || WireLeaf.isSecret(element)
    return {
      made: { kind: "values", name, index, tag, leaf, isSecret, separators, nonEmpty, decodeElement, ...behaviour },
      tags: [tag]
    }
  }

  private structs(
    sketch: Sketch,
    ast: SchemaAST.AST,
    nonEmpty: boolean,
    list: WireAnnotation.List
  ): Part<WireLayout.Field> {
    const { aim, index, name, path } = sketch
    if (WireAnnotation.tagOf(sketch.ast) !== undefined) {
      return refuse(path, "has a tag, but the elements of a list of structs are told apart by the tags of their fields")
    }
    if (list.kind === "records") this.separate(path)
    // A transformation of the list as a whole starts from elements in their encoded form.
    const part = this.struct(ast, path, WireField.needsParser(sketch.ast) ? "encoded" : aim)
    const { made: element, tags } = part
    const first = element.fields.findIndex((field) => field.kind !== "constant")
    if (first === -1) return refuse(path, "has elements without a field that travels")
    const boundary = list.kind === "records" ? list.separators : groupBoundary(element, first, list.startTag, path)
    this.elements.push(part)
    const behaviour = WireField.ofList(name, sketch.ast, nonEmpty, WireField.none, aim)
    return {
      made: { kind: "elements", name, index, tag: undefined, element, boundary, first, nonEmpty, ...behaviour },
      tags: list.kind === "records" ? [...tags, separator] : tags
    }
  }

  /** Takes a tag for a field, which must be the only one in the body that has it. */
  private claim(tag: unknown, path: Path): number {
    if (tag === undefined) return refuse(path, "has no tag: give it one with Wire.tag")
    if (typeof tag !== "number" || tag >>> 0 !== tag) {
      return refuse(path, `has tag ${String(tag)}: a tag is a whole number from 1 to 4294967295`)
    }
    if (tag === separator) return refuse(path, "has tag 0, which separates records")
    const other = this.paths.get(tag)
    if (other !== undefined) return refuse(path, `has tag ${tag}, which "${BodyError.formatPath(other)}" has too`)
    this.paths.set(tag, path)
    return tag
  }

  private separate(path: Path): void {
    if (this.separated !== undefined) {
      refuse(path, `has records, and so has "${BodyError.formatPath(this.separated)}": a separator would end either`)
    }
    this.separated = path
  }
}

const refuse = (path: Path, problem: string): never => {
  const what = path.length === 0 ? "The schema" : `Field "${BodyError.formatPath(path)}"`
  throw new Error(`${what} cannot go on the wire: it ${problem}`)
}

const assemble = (
  parts: ReadonlyArray<Part<WireLayout.Field>>,
  conversions: WireField.Conversions
): Part<WireLayout.Struct> => {
  const takers = new WireLayout.TagTable()
  for (const { made, tags } of parts) {
    for (const tag of tags) takers.set(tag, made)
  }
  const fields = parts.map(({ made }) => made)
  return {
    made: { fields, takers, canBeEmpty: !fields.some(({ absent }) => absent === "fails"), ...conversions },
    tags: parts.flatMap(({ tags }) => tags)
  }
}

/** Lets the tags of all that is outside of an element end it. */
const enclose = (element: Part<WireLayout.Struct>, all: ReadonlyArray<number>): void => {
  const own = new Set(element.tags)
  for (const tag of all) {
    if (!own.has(tag)) element.made.takers.set(tag, WireLayout.outside)
  }
}

const constant = (name: string, index: number, value: unknown): WireLayout.ConstantField => ({
  kind: "constant",
  name,
  index,
  tag: undefined,
  value,
  absent: "constant",
  decode: undefined,
  encode: undefined
})

const mayBeUndefined = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Union" && ast.types.some((member) => mayBeUndefined(member) || SchemaAST.isUndefined(member))

/** What tells the elements of a group apart, as long as some field is in each of them. */
const groupBoundary = (
  element: WireLayout.Struct,
  first: number,
  startTag: number | undefined,
  path: Path
): WireLayout.Boundary => {
  const isAlwaysThere = (field: WireLayout.Field) => field.kind === "value" && field.absent === "fails"
  const start = element.fields[first]
  if (startTag !== undefined && !(start.tag === startTag && isAlwaysThere(start))) {
    return refuse(
      path,
      `is a group with start tag ${startTag}, which is not that of a first field that is always there`
    )
  }
  if (isAlwaysThere(start)) return "start"
  if (element.fields.some(isAlwaysThere)) return "order"
  return refuse(path, "is a group without a field that is always there: nothing tells where an element ends")
}
