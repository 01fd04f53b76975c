package terminal

// typed returns the keys of what a terminal sent in one piece, without the sequences that it
// makes of function keys: ESC [ … letter, ESC O letter, ESC and a key typed with Alt (ECMA-48 §5.4).
func typed(piece []byte) (keys []byte) {
	const escape = 0x1b
	for i := 0; i < len(piece); i++ {
		if piece[i] != escape || i+1 == len(piece) {
			keys = append(keys, piece[i])
			continue
		}
		i++
		switch piece[i] {
		case 'O':
			i++
		case '[':
			for i++; i < len(piece) && (piece[i] < '@' || piece[i] > '~'); i++ {
			}
		}
	}
	return keys
}
