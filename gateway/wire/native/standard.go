package native

// Word is one standard type: the frame's "type" and a sample of its fields,
// which shows the shape and an honest value of each.
type Word struct {
	Type   string
	Fields any    // a struct whose JSON fields stand beside "type"
	Reply  string // the type of the message that answers a request, or ""
}

// Commands are the standard commands, which a script may send to any device that
// understands them. Other types are as good: the gateway passes them on alike.
func Commands() []Word {
	return []Word{
		{Type: "gpio_write", Fields: GPIOWrite{Pin: 25, Value: High}},
		{Type: "gpio_read", Fields: GPIORead{Pin: 14}, Reply: "gpio_value"},
		{Type: "gpio_watch", Fields: GPIOWatch{Pin: 14, Pull: PullUp}},
		{Type: "pwm_set", Fields: PWMSet{Pin: 15, Frequency: 1000, Duty: 0.5}},
		{Type: "adc_read", Fields: ADCRead{Pin: 26}, Reply: "adc_value"},
		{Type: "i2c_write", Fields: I2CWrite{Bus: 0, Address: 60, Data: []int{0, 174}}},
		{Type: "i2c_read", Fields: I2CRead{Bus: 0, Address: 118, Length: 2}, Reply: "i2c_data"},
		{Type: "reboot", Fields: Reboot{}},
	}
}

// Messages are the standard messages that devices send, as answers or by
// themselves.
func Messages() []Word {
	return []Word{
		{Type: "gpio_value", Fields: GPIOValue{Pin: 14, Value: Low}},
		{Type: "gpio_changed", Fields: GPIOChanged{Pin: 14, Value: High}},
		{Type: "adc_value", Fields: ADCValue{Pin: 26, Value: 0.42}},
		{Type: "i2c_data", Fields: I2CData{Bus: 0, Address: 118, Data: []int{88, 0}}},
	}
}

// PinLevel is the level of a digital pin.
type PinLevel int

// The levels of a digital pin.
const (
	Low  PinLevel = 0
	High PinLevel = 1
)

// PinPull is the resistor that holds an input pin while nothing drives it.
type PinPull string

// The pulls of an input pin.
const (
	PullUp   PinPull = "up"
	PullDown PinPull = "down"
	PullNone PinPull = "none"
)

// GPIOWrite makes a pin an output and sets its level.
type GPIOWrite struct {
	// Pin is the board's own number of the pin.
	Pin   int      `json:"pin"`
	Value PinLevel `json:"value"`
}

// GPIORead asks for the level of a pin; a GPIOValue answers.
type GPIORead struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
}

// GPIOWatch makes a pin an input and asks for a GPIOChanged at each change of its
// level. A device forgets its watches when it restarts.
type GPIOWatch struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
	// Pull is the board's default when left out.
	Pull PinPull `json:"pull,omitempty"`
}

// GPIOValue answers a GPIORead.
type GPIOValue struct {
	// Pin is the board's own number of the pin.
	Pin   int      `json:"pin"`
	Value PinLevel `json:"value"`
}

// GPIOChanged tells that a watched pin changed its level.
type GPIOChanged struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
	// Value is the level that the pin has now.
	Value PinLevel `json:"value"`
}

// PWMSet puts a pulse-width signal on a pin.
type PWMSet struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
	// Frequency is in hertz.
	Frequency float64 `json:"frequency"`
	// Duty is the part of a period that the pin is high, 0 to 1.
	Duty float64 `json:"duty"`
}

// ADCRead asks for the voltage at an analog pin; an ADCValue answers.
type ADCRead struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
}

// ADCValue answers an ADCRead.
type ADCValue struct {
	// Pin is the board's own number of the pin.
	Pin int `json:"pin"`
	// Value is the part of the converter's full scale, 0 to 1.
	Value float64 `json:"value"`
}

// I2CWrite writes bytes to a chip on an I2C bus.
type I2CWrite struct {
	Bus int `json:"bus"`
	// Address is the chip's 7-bit address, 0 to 127.
	Address int `json:"address"`
	// Data are bytes, each 0 to 255.
	Data []int `json:"data"`
}

// I2CRead reads bytes from a chip on an I2C bus; an I2CData answers.
type I2CRead struct {
	Bus int `json:"bus"`
	// Address is the chip's 7-bit address, 0 to 127.
	Address int `json:"address"`
	// Register is written before the read when given.
	Register *int `json:"register,omitempty"`
	// Length is how many bytes to read.
	Length int `json:"length"`
}

// I2CData answers an I2CRead.
type I2CData struct {
	Bus int `json:"bus"`
	// Address is the chip's 7-bit address, 0 to 127.
	Address int `json:"address"`
	// Data are bytes, each 0 to 255.
	Data []int `json:"data"`
}

// Reboot restarts the device, which loses its pins' settings and its watches.
type Reboot struct{}
