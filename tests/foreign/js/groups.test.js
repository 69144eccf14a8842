'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { Tozny, idOf, newClient, newType } = require('./sdk')

const ALL = { manage: true, read: true, share: true }
let manager
let member
let stranger
before(async () => {
  manager = await newClient('group manager')
  member = await newClient('group member')
  stranger = await newClient('group stranger')
})

async function newGroup(capabilities = ALL) {
  const made = await manager.createGroup(newType('group'), capabilities, 'of tests')
  return made.group.groupID
}

const add = (by, group, client, capabilities) =>
  by.addGroupMembers(group, [new Tozny.types.GroupMember(idOf(client), capabilities)])

// Capabilities by client, from the listing of members.
async function members(group) {
  const { group_members: all } = await manager.listGroupMembers(group)
  return Object.fromEntries(all.map((one) => [one.client_id, [...one.capability_names].sort()]))
}

// The words in the records that a client sees in a group.
async function words(client, group) {
  const [records = []] = await client.listRecordsSharedWithGroup(group)
  return records.map((record) => record.data.word).sort()
}

// One package is refused the listing, the other finds nothing by a search.
async function seesNothing(client, group) {
  const seen = await words(client, group).catch((error) => {
    assert.match(error.message, /Forbidden|Not Found/)
    return []
  })
  assert.deepEqual(seen, [])
}

test('a group is created, read, found by name and deleted', async () => {
  const name = newType('named')
  const made = await manager.createGroup(name, ALL, 'described')
  const id = made.group.groupID
  assert.deepEqual({ ...made.capabilities }, ALL)
  const seen = await stranger.readGroup(id)
  assert.deepEqual([seen.groupName, seen.description, seen.memberCount], [name, 'described', 1])
  assert.equal((await manager.groupInfo(name)).groupID, id)
  assert.equal(await manager.deleteGroup(id), true)
  await assert.rejects(manager.readGroup(id), /Not Found/)
})

test('the creator has the capabilities that it asked for', async () => {
  const everything = await newGroup()
  assert.deepEqual(await members(everything), {
    [idOf(manager)]: ['MANAGE_MEMBERSHIP', 'READ_CONTENT', 'SHARE_CONTENT'],
  })
  const nothing = await newGroup({})
  assert.deepEqual(await members(nothing), { [idOf(manager)]: ['MANAGE_MEMBERSHIP'] })
})

test('members come with capabilities, and go', async () => {
  const group = await newGroup()
  await add(manager, group, member, { read: true })
  await add(manager, group, stranger, { share: true, manage: true })
  assert.deepEqual(await members(group), {
    [idOf(manager)]: ['MANAGE_MEMBERSHIP', 'READ_CONTENT', 'SHARE_CONTENT'],
    [idOf(member)]: ['READ_CONTENT'],
    [idOf(stranger)]: ['MANAGE_MEMBERSHIP', 'SHARE_CONTENT'],
  })
  assert.equal((await manager.readGroup(group)).memberCount, 3)
  assert.equal(await manager.removeGroupMembers(group, [idOf(member), idOf(stranger)]), true)
  assert.deepEqual(Object.keys(await members(group)), [idOf(manager)])
})

test('only managers let others in or out, or delete the group', async () => {
  const group = await newGroup()
  await add(manager, group, member, { read: true, share: true })
  await assert.rejects(add(member, group, stranger, { read: true }), /Forbidden/)
  await assert.rejects(member.removeGroupMembers(group, [idOf(manager)]))
  await assert.rejects(member.deleteGroup(group))
  await add(manager, group, member, { manage: true })
  await add(member, group, stranger, { read: true })
  assert.equal((await manager.readGroup(group)).memberCount, 3)
})

test('groups are listed for who is in them', async () => {
  const group = await newGroup()
  await add(manager, group, member, { read: true })
  const of = async (client, ...rest) => {
    const { groups } = await client.listGroups(idOf(client), ...rest)
    return groups.map((one) => one.groupID)
  }
  assert.ok((await of(member)).includes(group))
  assert.ok(!(await of(stranger)).includes(group))
  const name = (await manager.readGroup(group)).groupName
  assert.deepEqual(await of(member, [name]), [group])
  assert.deepEqual(await of(member, ['no such group']), [])
})

test('members read what is shared with the group, others do not', async () => {
  const [type, group] = [newType('shared'), await newGroup()]
  await add(manager, group, member, { read: true })
  await manager.writeRecord(type, { word: 'first' }, { label: 'seen' })
  await manager.shareRecordWithGroup(group, type)
  await manager.writeRecord(type, { word: 'second' })
  assert.deepEqual(await words(member, group), ['first', 'second'])
  await seesNothing(stranger, group)
  assert.equal(await manager.revokeRecordWithGroup(group, type), true)
  assert.deepEqual(await words(member, group), [])
})

test('a member that leaves reads no longer', async () => {
  const [type, group] = [newType('left'), await newGroup()]
  await add(manager, group, member, { read: true })
  const record = await manager.writeRecord(type, { word: 'kept' })
  await manager.shareRecordWithGroup(group, type)
  assert.deepEqual(await words(member, group), ['kept'])
  await manager.removeGroupMembers(group, [idOf(member)])
  await seesNothing(member, group)
  await assert.rejects(member.readRecord(record.meta.recordId), /Not Found/)
})

test('members with the capability share their own records', async () => {
  const [type, group] = [newType('contributed'), await newGroup()]
  await add(manager, group, member, { read: true })
  await member.writeRecord(type, { word: 'mine' })
  await assert.rejects(member.shareRecordWithGroup(group, type), /Forbidden/)
  await add(manager, group, member, { share: true })
  await member.shareRecordWithGroup(group, type)
  assert.deepEqual(await words(manager, group), ['mine'])
})

test('who may share may not read for that', async () => {
  const [type, group] = [newType('unread'), await newGroup()]
  await add(manager, group, member, { share: true })
  await manager.writeRecord(type, { word: 'kept' })
  await manager.shareRecordWithGroup(group, type)
  await seesNothing(member, group)
})
