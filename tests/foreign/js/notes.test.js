'use strict'

const assert = require('node:assert/strict')
const { randomUUID } = require('node:crypto')
const { before, test } = require('node:test')
const { Tozny, apiUrl, newClient, newKeys } = require('./sdk')

let writer
let reader
let stranger
before(async () => {
  writer = await newClient('note writer')
  reader = await newClient('note reader')
  stranger = await newClient('note stranger')
})

const publicKeysOf = (client) => [client.config.publicKey, client.config.publicSigningKey]

const write = (options = {}, data = { word: 'hello' }) => writer.writeNote(data, ...publicKeysOf(reader), options)

const keysOf = (client) => [
  { publicKey: client.config.publicKey, privateKey: client.config.privateKey },
  { publicKey: client.config.publicSigningKey, privateKey: client.config.privateSigningKey },
]

const readAsStranger = (id, keys) => Tozny.storage.readNote(id, ...keys, {}, {}, apiUrl)

test('a note is read by its reader alone', async () => {
  const note = await write({}, { word: 'hello', other: 'ünïcode ✓' })
  const read = await reader.readNote(note.noteId)
  assert.deepEqual({ ...read.data }, { word: 'hello', other: 'ünïcode ✓' })
  assert.equal(read.options.clientId, writer.config.clientId)
  await assert.rejects(stranger.readNote(note.noteId), /Unauthorized/)
  await assert.rejects(writer.readNote(note.noteId), /Unauthorized/)
})

test('a note is read as often as one likes without a limit of views', async () => {
  const note = await write({ max_views: -1 })
  for (let count = 0; count < 5; count += 1) assert.equal((await reader.readNote(note.noteId)).data.word, 'hello')
})

for (const views of [1, 3]) {
  test(`a note of ${views} views is read as often, and no more`, async () => {
    const note = await write({ max_views: views })
    for (let count = 0; count < views; count += 1) await reader.readNote(note.noteId)
    await assert.rejects(reader.readNote(note.noteId), /Not Found/)
  })
}

test('readers in parallel take exactly the views there are', async () => {
  const note = await write({ max_views: 4 })
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => reader.readNote(note.noteId)))
  assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 4)
})

test('what a stranger tries takes no view', async () => {
  const note = await write({ max_views: 1 })
  await assert.rejects(stranger.readNote(note.noteId), /Unauthorized/)
  assert.equal((await reader.readNote(note.noteId)).data.word, 'hello')
})

test('a note lapses when its time is over', async () => {
  const note = await write({ expires: true, expiration: new Date(Date.now() - 1000).toISOString() })
  await assert.rejects(reader.readNote(note.noteId), /Not Found/)
})

test('a note is there until its time is over', async () => {
  const note = await write({ expires: true, expiration: new Date(Date.now() + 3600000).toISOString() })
  assert.equal((await reader.readNote(note.noteId)).data.word, 'hello')
})

test('a note has a name that nobody else can take', async () => {
  const name = randomUUID()
  const note = await write({ id_string: name })
  assert.equal((await reader.readNoteByName(name)).noteId, note.noteId)
  await assert.rejects(write({ id_string: name }), /Conflict/)
  await assert.rejects(stranger.writeNote({ a: 'b' }, ...publicKeysOf(reader), { id_string: name }), /Conflict/)
})

test('a named note is replaced by its writer', async () => {
  const name = randomUUID()
  const first = await write({ id_string: name, max_views: 1 })
  await reader.readNoteByName(name)
  const replace = (by, word) => by.replaceNoteByName({ word }, ...publicKeysOf(stranger), { id_string: name })
  const second = await replace(writer, 'new')
  assert.notEqual(second.noteId, first.noteId)
  assert.equal((await stranger.readNoteByName(name)).data.word, 'new')
  await assert.rejects(reader.readNoteByName(name), /Unauthorized/)
  await assert.rejects(replace(stranger, 'mine'), /Forbidden|Not Found/)
  assert.equal((await stranger.readNoteByName(name)).data.word, 'new')
})

test('a name that was not there is taken by replacing it', async () => {
  const name = randomUUID()
  await writer.replaceNoteByName({ word: 'first' }, ...publicKeysOf(reader), { id_string: name })
  assert.equal((await reader.readNoteByName(name)).data.word, 'first')
})

test('a deleted note is gone, and its name is free', async () => {
  const name = randomUUID()
  const note = await write({ id_string: name })
  assert.equal(await writer.deleteNote(note.noteId), true)
  await assert.rejects(reader.readNote(note.noteId), /Not Found/)
  await write({ id_string: name })
})

test('a note keeps its type and its plain metadata', async () => {
  const note = await write({ type: 'greeting', plain: { colour: 'red' } })
  const read = await reader.readNote(note.noteId)
  assert.equal(read.options.type, 'greeting')
  assert.deepEqual({ ...read.options.plain }, { colour: 'red' })
})

test('a note that follows another is read after it', async () => {
  const first = await write()
  const second = await write({ eacp: { last_access_eacp: { last_read_note_id: first.noteId } } })
  await assert.rejects(reader.readNote(second.noteId), /Unauthorized/)
  await reader.readNote(first.noteId)
  assert.equal((await reader.readNote(second.noteId)).data.word, 'hello')
})

test('a note that asks for a code is not read without', async () => {
  const note = await write({ eacp: { tozny_otp_eacp: { include: true } } })
  await assert.rejects(reader.readNote(note.noteId), /Unauthorized/)
  await assert.rejects(reader.readNote(note.noteId, { tozny_otp: 'guessed' }), /Unauthorized/)
  await assert.rejects(stranger.noteChallenge(note.noteId), /Unauthorized/)
  await reader.noteChallenge(note.noteId)
})

test('those who are no clients write and read notes', async () => {
  const [from, to] = [await newKeys(), await newKeys()]
  const [, signing] = from
  const write = (options) =>
    Tozny.storage.writeNote({ word: 'hello' }, to[0].publicKey, to[1].publicKey, ...from, options, apiUrl)
  const note = await write({ max_views: 2, id_string: randomUUID() })
  assert.ok(!note.options.idString, 'names are for clients')
  for (let count = 0; count < 2; count += 1) assert.equal((await readAsStranger(note.noteId, to)).data.word, 'hello')
  await assert.rejects(readAsStranger(note.noteId, to), /Not Found/)
  const other = await write({})
  await assert.rejects(readAsStranger(other.noteId, from), /Unauthorized/)
  assert.equal(await Tozny.storage.deleteNote(other.noteId, signing, apiUrl), true)
  await assert.rejects(readAsStranger(other.noteId, to), /Not Found/)
})

test('one who is no client writes to a client, and the other way round', async () => {
  const keys = await newKeys()
  const options = [{}, apiUrl]
  const inward = await Tozny.storage.writeNote({ word: 'in' }, ...publicKeysOf(reader), ...keys, ...options)
  assert.equal((await reader.readNote(inward.noteId)).data.word, 'in')
  assert.equal((await readAsStranger(inward.noteId, keysOf(reader))).data.word, 'in')
  const outward = await writer.writeNote({ word: 'out' }, keys[0].publicKey, keys[1].publicKey, {})
  assert.equal((await readAsStranger(outward.noteId, keys)).data.word, 'out')
})
