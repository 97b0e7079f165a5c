package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/apache/dubbo-go-hessian2/java_exception"
)

// StockService is org.example.shop.StockService.
type StockService struct {
	mu    sync.Mutex
	items map[string]*Item
}

func newStock() *StockService {
	return &StockService{items: map[string]*Item{
		"tea": {Sku: "tea", Name: "Green tea", Count: 20, Priced: time.Now()},
	}}
}

// Find gives nil for what is not known.
func (s *StockService) Find(_ context.Context, sku string) (*Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items[sku], nil
}

// Reserve takes some away, and says how many are left.
func (s *StockService) Reserve(_ context.Context, sku string, count int32) (int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, known := s.items[sku]
	if !known || item.Count < count {
		left := int32(0)
		if known {
			left = item.Count
		}
		return 0, OutOfStock{
			DetailMessage: fmt.Sprintf("%d of %s wanted, %d left", count, sku, left),
			StackTrace:    []java_exception.StackTraceElement{},
			Left:          left,
		}
	}
	item.Count -= count
	return item.Count, nil
}
