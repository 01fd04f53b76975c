package truetime

const counterSource = "arch_sys_counter"

var counterFlaw = genericTimerFlaw
