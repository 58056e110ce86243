# SPDX-License-Identifier: GPL-2.0-only
# Which calls climb from a lower room of the house to a higher one?
#
#	(cat TABLE; nm -A --format=posix OBJECT...) | awk -f order.awk
#
# TABLE has a line "room NAME" for each room, low to high, and "up ROOM SYMBOL"
# for what ROOM ("*": any) may use although a higher room defines it; SYMBOL may
# end in "*". What nobody uses of these is told too. An object's room is the
# first folder of its path.

function room_of(path) {
	sub(/\/.*/, "", path)
	sub(/\..*/, "", path)
	return path
}

# Is there an "up" line for it? Remembers that it is of use.
function may_climb(room, symbol, i, name) {
	for (i = 1; i <= ups; i++) {
		if (up_room[i] != "*" && up_room[i] != room)
			continue
		name = up_symbol[i]
		if (name == symbol || (sub(/\*$/, "", name) && index(symbol, name) == 1)) {
			used[i] = 1
			return 1
		}
	}
	return 0
}

/^(#|$)/ { next }
$1 == "room" {
	level[$2] = ++rooms
	next
}
$1 == "up" {
	up_room[++ups] = $2
	up_symbol[ups] = $3
	next
}
{
	object = $1
	sub(/:$/, "", object)
	if (!(room_of(object) in level)) {
		if (!told[object]++)
			print object ": its room is not in the table"
	} else if ($3 == "U" || $3 == "w") {
		uses[object, $2] = 1
	} else if ($3 ~ /^[A-Z]$/) {
		home[$2] = object
	}
}

END {
	for (use in uses) {
		split(use, part, SUBSEP)
		if (!(part[2] in home))
			continue
		from = room_of(part[1])
		to = room_of(home[part[2]])
		if (level[to] > level[from] && !may_climb(from, part[2]))
			print part[1] " is lower than " home[part[2]] ", and uses its " part[2]
	}
	for (i = 1; i <= ups; i++)
		if (!used[i])
			print "up " up_room[i] " " up_symbol[i] ": nobody climbs so any more"
}
