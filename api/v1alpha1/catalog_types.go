package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CatalogSpec is what is on sale.
type CatalogSpec struct {
	// events that tickets are sold for. When omitted, there are none.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=100
	Events []CatalogEvent `json:"events,omitempty"`
}

// CatalogEvent is something that tickets are sold for.
// +kubebuilder:validation:XValidation:rule="!has(self.salesOpen) || !has(self.salesClose) || self.salesOpen < self.salesClose",message="salesClose: must be after salesOpen"
type CatalogEvent struct {
	// id names the event in URLs and orders. It does not change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="id: use 1 to 63 lower-case letters, digits and inner hyphens, such as aurora-2027"
	ID string `json:"id"`
	// name is what buyers see.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name"`
	// venue is where the event takes place. When omitted, none is shown.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Venue string `json:"venue,omitempty"`
	// startsAt is when the event begins.
	// +required
	StartsAt metav1.Time `json:"startsAt"`
	// salesOpen is when the sale begins. When omitted, it has begun.
	// +optional
	SalesOpen *metav1.Time `json:"salesOpen,omitempty"`
	// salesClose is when the sale ends. When omitted, it has no end.
	// +optional
	SalesClose *metav1.Time `json:"salesClose,omitempty"`
	// tiers are the kinds of seats. At least one.
	// +required
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Tiers []CatalogTier `json:"tiers"`
	// promoCodes take something off the price for those who know them; they are shown to
	// nobody. Removing one makes it unknown; to end it, set its validUntil. When omitted, there are none.
	// +optional
	// +listType=map
	// +listMapKey=code
	// +kubebuilder:validation:MaxItems=20
	PromoCodes []CatalogPromoCode `json:"promoCodes,omitempty"`
}

// CatalogTier is one kind of seat of an event, sold at one price.
type CatalogTier struct {
	// id names the tier within its event. It does not change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="id: use 1 to 63 lower-case letters, digits and inner hyphens, such as general"
	ID string `json:"id"`
	// name is what buyers see.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name"`
	// price of one seat.
	// +required
	Price CatalogPrice `json:"price"`
	// capacity is how many seats there are; never more are sold.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000000
	Capacity int32 `json:"capacity"`
	// maxPerOrder is how many seats one order may take. When omitted, ten.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxPerOrder int32 `json:"maxPerOrder,omitempty"`
	// maxPerBuyer is how many seats of this tier one buyer, known by the e-mail address, may
	// hold over all orders. Who holds more when it is lowered keeps them and buys no more. When
	// omitted, there is no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	MaxPerBuyer int32 `json:"maxPerBuyer,omitempty"`
	// fee is added to the price of each seat, in minor units of its currency. No promo code
	// takes anything off it. When omitted, there is none.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Fee int64 `json:"fee,omitempty"`
	// taxBasisPoints is the tax in hundredths of a percent, on top of price and fee: 2100 is
	// 21 %. It is rounded once an order, a half away from zero. When omitted, there is none.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	TaxBasisPoints int32 `json:"taxBasisPoints,omitempty"`
}

// CatalogPromoCode takes something off the price.
// +kubebuilder:validation:XValidation:rule="has(self.percentOff) != has(self.amountOff)",message="set either percentOff or amountOff, and not both"
// +kubebuilder:validation:XValidation:rule="!has(self.validFrom) || !has(self.validUntil) || self.validFrom < self.validUntil",message="validUntil: must be after validFrom"
type CatalogPromoCode struct {
	// code is what buyers type, in any case.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z0-9]([-A-Z0-9]*[A-Z0-9])?$')",message="code: use 1 to 32 capital letters, digits and inner hyphens, such as EARLY-BIRD; buyers may type it in any case"
	Code string `json:"code"`
	// percentOff takes a percentage off the seats' prices. It is rounded once an order, a half
	// away from zero. When omitted, amountOff says what the code takes off.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	PercentOff int32 `json:"percentOff,omitempty"`
	// amountOff takes minor units off the price of each seat, at most all of it. When omitted,
	// percentOff says what the code takes off.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000000
	AmountOff int64 `json:"amountOff,omitempty"`
	// maxUses is how many orders may use the code. When omitted, any number.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	MaxUses int32 `json:"maxUses,omitempty"`
	// tiers are the ids of the tiers that the code is for, all of the same event. When
	// omitted, it is for all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Tiers []string `json:"tiers,omitempty"`
	// validFrom is when the code may be used first. When omitted, it may be already.
	// +optional
	ValidFrom *metav1.Time `json:"validFrom,omitempty"`
	// validUntil is when the code may be used no more. When omitted, it may be as long as the
	// event is on sale.
	// +optional
	ValidUntil *metav1.Time `json:"validUntil,omitempty"`
}

// CatalogPrice is an amount of money.
type CatalogPrice struct {
	// amount in minor units: 4500 EUR is 45 euros. Zero is free of charge.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Amount int64 `json:"amount"`
	// currency is an ISO 4217 code.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=3
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{3}$')",message="currency: use the three capital letters of ISO 4217, such as EUR"
	Currency string `json:"currency"`
}
