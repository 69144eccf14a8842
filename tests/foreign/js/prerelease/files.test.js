'use strict'

const assert = require('node:assert/strict')
const { Readable } = require('node:stream')
const { test } = require('node:test')
const { Tozny, idOf, newClient, newType } = require('../sdk')

async function text(file) {
  const pieces = []
  for await (const piece of await file.read()) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

async function write(client, type, words) {
  const file = await client.writeFile(type, Readable.from([Buffer.from(words)]), {})
  return file.record()
}

test('many files are listed by their ids, and each is read', async () => {
  const [client, type] = [await newClient('files'), newType('many')]
  const records = [await write(client, type, 'one'), await write(client, type, 'two')]
  const files = await client.getListOfFiles(records.map((record) => record.meta.recordId))
  assert.deepEqual(await Promise.all(files.map(text)), ['one', 'two'])
})

test('a file is shared with a group', async () => {
  const [writer, member, type] = [await newClient('file writer'), await newClient('file member'), newType('file')]
  const { group } = await writer.createGroup(newType('group'), { manage: true, read: true, share: true })
  await writer.addGroupMembers(group.groupID, [new Tozny.types.GroupMember(idOf(member), { read: true })])
  const record = await write(writer, type, 'of the group')
  await writer.shareRecordWithGroup(group.groupID, type)
  const [{ records }] = (await member.bulkListRecordsSharedWithGroup([group.groupID])).records
  assert.equal(records[0].meta.recordId, record.meta.recordId)
  assert.ok(records[0].isFile)
  assert.ok(Number(records[0].meta.fileMeta.size) > 0)
})
